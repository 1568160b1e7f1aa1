"""The check of a standalone program: on the device itself, also over ssh, or under an emulator of its processor.

The program brings its own probes (`--probe`), so nothing of tinylm's Python runs in what is measured. A program for
another processor than this machine's cannot be timed here. Run under qemu's user emulation it answers what does not
depend on speed: its tokens, its memory, and how many instructions a request takes, which become the device's times.
"""

from __future__ import annotations

from dataclasses import replace

from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.budget.check import Announce, CheckOptions, Place, check_candidate
from tinylm.budget.compare.comparison import compare
from tinylm.budget.counted import NOTES, REQUESTS, WARMUP, counted_report
from tinylm.budget.measure.probes import Measurements, ProbeFailed, ProbeRunner
from tinylm.budget.measure.remote_machine import remote_machine
from tinylm.budget.report import BudgetReport
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.candidate import Candidate
from tinylm.budget.spec.device import differences
from tinylm.emulation.emulator import emulation
from tinylm.emulation.processors import EmulatedProcessor, processor_of
from tinylm.emulation.program_file import family_here
from tinylm.machine.device import DeviceFacts, device_facts
from tinylm.machine.software import kernel
from tinylm.runtime.measurement.protocol import ProbeResult, ProcessMemory


def check_program_over_ssh(
    candidate: Candidate, budget: Budget, target: str, *, announce: Announce, options: CheckOptions | None = None
) -> BudgetReport:
    """Copy a program's candidate to the machine `target`, measure it there, and judge by `budget`.

    TinylmError with exit code 3 when the machine cannot be reached.
    """
    if options is not None and options.enforce:
        raise TinylmError("`--enforce` limits processes of this machine, not those at the other end of ssh")
    announce(f"copying the program to {target}")
    with remote_machine(target, candidate.path) as there:
        place = Place(facts=there.facts, monitor=there.monitor, run=there.command, cache_dropped=there.cache_dropped)
        return check_candidate(candidate, budget, announce=announce, options=options, place=place)


def check_program(
    candidate: Candidate, budget: Budget, *, announce: Announce, options: CheckOptions | None = None
) -> BudgetReport:
    """Measure a program's candidate against `budget`, here where this is the budget's device, else emulated.

    TinylmError when it is a program for another processor than the budget's, or than any that can run here.
    """
    program, options = candidate.program, options or CheckOptions()
    if program is None:
        raise TypeError(f"a {candidate.kind} is no program")
    device = budget.device
    if device.arch is None or not differences(device_facts(), device):
        if program.family != family_here():
            raise TinylmError(
                f"`{program.path}` is a program for {program.family}; this machine runs others",
                "check it against its board's budget, such as `--budget pi-zero-2w`: its processor is emulated then",
            )
        return check_candidate(candidate, budget, announce=announce, options=options)
    processor = processor_of(device.arch, device.isa)
    if processor is None:
        raise TinylmError(
            f"no emulator imitates the device of the budget `{budget.name}` ({device.arch})", "run this check there"
        )
    if program.family != processor.family:
        raise TinylmError(
            f"`{program.path}` is a program for {program.family}; the device of the budget `{budget.name}` is"
            f" {device.arch}",
            f"make one for it: tinylm export --standalone {budget.name}",
        )
    if options.soak_minutes is not None or options.enforce:
        raise TinylmError(
            "an emulated processor has no heat and no memory of its own: `--soak` and `--enforce` mean nothing there",
            "leave them out, or run this check on the device",
        )
    measured = _count(candidate, budget, processor, announce)
    why_not = f"the budget `{budget.name}` has no `[estimate]`, so nobody knows its device's speed"
    candidate = replace(candidate, notes=(*candidate.notes, *NOTES))
    report = counted_report(candidate, budget, facts=_facts(processor), measured=measured, why_not=why_not)
    return report if options.against is None else replace(report, comparison=compare(options.against, report))


def _count(candidate: Candidate, budget: Budget, processor: EmulatedProcessor, announce: Announce) -> Measurements:
    announce(f"{WARMUP + REQUESTS} requests, golden tokens and quality, on an emulated {processor.name}")
    with emulation(processor) as emulated:
        probes = ProbeRunner(candidate=candidate, budget=budget, elsewhere=emulated.command)
        orders = replace(probes.orders(requests=REQUESTS), warmup=WARMUP)
        try:
            with ProgressBar("probe", say=announce):
                result = probes.run(orders)
                resident_bytes = emulated.counted().resident_bytes  # of what serving needs, so without verification
                verified = probes.run(replace(orders, requests=1, verify=candidate.golden))
        except ProbeFailed as failure:
            return Measurements(problem=str(failure))
    result = replace(_with_own_memory(result, resident_bytes), verification=verified.verification)
    return Measurements(processes=(result,))


def _with_own_memory(result: ProbeResult, resident_bytes: int | None) -> ProbeResult:
    """The program's memory in place of the emulator's, which is what it has read of itself."""
    memory = None
    if resident_bytes is not None:
        memory = ProcessMemory(
            peak_rss_bytes=resident_bytes,
            rss_bytes=resident_bytes,
            anonymous_bytes=None,
            file_bytes=None,
            swap_bytes=None,
            pss_bytes=None,
        )
    return replace(result, memory=memory, waited_ms=(), involuntary_switches=0, major_faults=0)


def _facts(processor: EmulatedProcessor) -> DeviceFacts:
    """Under a name that nobody takes for a board's."""
    return DeviceFacts(
        model=f"virtual {processor.name} (QEMU)",
        arch=processor.arch,
        isa=processor.isa,
        cores=1,
        memory_mb=None,
        governor=None,
        system=kernel(),
        python="none",
        onnxruntime=None,
    )
