"""The budget check on a virtual Pi: the real probe, on the ARM code, over real ssh, with a clock of instructions.

A bundle is copied with tinylm's runtime, a standalone program alone, to a system that has no Python. What comes back is
worth what `tinylm.budget.counted` says. Whatever keeps the machine from answering is an error with exit code 3.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.budget.counted import NOTES, REQUESTS, WARMUP, counted_report
from tinylm.budget.measure.probes import Measurements, ProbeFailed, ProbeRunner, run_latency_probe, run_probe
from tinylm.budget.report import BudgetReport
from tinylm.budget.spec.budget import Budget, CostModel
from tinylm.budget.spec.candidate import Candidate
from tinylm.bundle.reading import Bundle
from tinylm.machine.device import DeviceFacts, device_facts
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.measurement.protocol import MemoryResult
from tinylm.virtual_pi.boards import BOARDS, Board
from tinylm.virtual_pi.machine import Machine, running
from tinylm.virtual_pi.qemu import Settings
from tinylm.virtual_pi.remote import ssh_command
from tinylm.virtual_pi.runtime_files import runtime_archive

MEMORY_REQUESTS = 24
"""Of the memory probe: an emulator that counts instructions takes seconds for what the board does in one."""
_PROBE_TIMEOUT_S = 900.0
_FACTS = """\
import importlib.metadata, json, platform
print(json.dumps({"python": platform.python_version(), "onnxruntime": importlib.metadata.version("onnxruntime")}))
"""
_FILES = tuple(f"proc/{name}" for name in ("cpuinfo", "meminfo"))
_OF_A_BUNDLE = "PYTHONPATH=$PWD python3 -P -m tinylm.runtime.measurement.{module} bundle"
# The shell says which signal ended the probe, because ssh brings back a number only.
_PROBE = (
    "cd check && {probe} || {{"
    " code=$?; [ $code -gt 128 ] && echo killed by SIG$(kill -l $((code - 128))) >&2; exit $code; }}"
)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A report, and what the check took here."""

    report: BudgetReport
    boot_s: float


def board_for(budget: Budget) -> Board:
    """The board that a budget is about; TinylmError for a budget that names none of the virtual ones."""
    if budget.name not in BOARDS:
        known = ", ".join(f"`{name}`" for name in BOARDS)
        raise TinylmError(
            f"no virtual board imitates the device of the budget `{budget.name}`",
            f"use the budget of one that there is ({known}), or name a board: tinylm virtual-pi check --board",
        )
    return BOARDS[budget.name]


def cost_model(budget: Budget) -> CostModel:
    """The budget's `[estimate]`; TinylmError when it has none."""
    if budget.estimate is None:
        raise TinylmError(
            f"the budget `{budget.name}` has no `[estimate]`, so instruction counts cannot become milliseconds",
            "use a board's budget, such as `pi-zero-2w`, or add the section to your own",
        )
    return budget.estimate


def check_on_virtual_pi(
    candidate: Candidate,
    budget: Budget,
    *,
    image: Path,
    board: Board,
    folder: Path,
    announce: Callable[[str], None],
    backend: Backend = "auto",
) -> Checked:
    """Boot `board` from `image`, run the probe of a bundle (with `backend`) or a program in it, stop it, and judge.

    TinylmError with exit code 3 when the virtual Pi fails, with 2 when candidate or budget cannot be used.
    """
    cost_model(budget)
    program = candidate.program
    if program is not None and program.family != "aarch64":
        raise TinylmError(
            f"`{program.path}` is a program for {program.family}; the virtual Pi is aarch64",
            "check it without --virtual-pi: its own processor is emulated then",
        )
    candidate = dataclasses.replace(candidate, notes=(*candidate.notes, *NOTES))
    settings = Settings(cpu=board.cpu, cores=1, memory_mib=board.memory_mib, port=0, measure=True, snapshot=True)
    announce(f"booting a virtual {board.description} ({board.cpu}, {board.memory_mib} MiB)")
    with running(image=image, settings=settings, folder=folder) as machine:
        boot_s = machine.wait()
        if candidate.bundle is not None:
            announce("copying bundle and runtime")
            copy_runtime(machine, candidate.bundle)
        else:
            announce("copying the program")
            copy_program(machine, candidate.path)
        facts = guest_facts(machine, board, python=candidate.bundle is not None)
        announce(f"{WARMUP + REQUESTS} requests, golden tokens and quality, on the ARM code")
        measured = _probe(machine, candidate, budget, backend, announce)
    return Checked(report=counted_report(candidate, budget, facts=facts, measured=measured), boot_s=boot_s)


def copy_runtime(machine: Machine, bundle: Bundle) -> None:
    """Put the runtime and the bundle into the folder `check` of the user `pi`, compiled as pip would leave it."""
    with tempfile.TemporaryDirectory(prefix="tinylm-") as folder:
        archive = Path(folder) / "tinylm.tar"
        archive.write_bytes(runtime_archive())
        machine.scp(str(archive), str(bundle.path.resolve()), "pi:.")
    name = bundle.path.resolve().name
    machine.ssh(
        f"mkdir check && tar -xf tinylm.tar -C check && mv -T {_quoted(name)} check/bundle"
        " && python3 -m compileall -q check/tinylm"
    )


def copy_program(machine: Machine, path: Path) -> None:
    """Put a program into the folder `check` of the user `pi`, and nothing else."""
    machine.scp(str(path.resolve()), "pi:.")
    machine.ssh(f"mkdir check && mv {_quoted(path.resolve().name)} check/program && chmod +x check/program")


def guest_facts(machine: Machine, board: Board, *, python: bool) -> DeviceFacts:
    """What the guest says of itself, under a name that nobody takes for the board's; `python`: it has one."""
    arch, system = machine.ssh("uname -m; uname -sr").splitlines()
    told = json.loads(machine.ssh(f"python3 -c {_quoted(_FACTS)}")) if python else {"python": "none"}
    with tempfile.TemporaryDirectory(prefix="tinylm-") as folder:
        for name in _FILES:
            file = Path(folder) / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(machine.ssh(f"cat /{name}"), encoding="utf-8")
        facts = device_facts(Path(folder))
    return dataclasses.replace(
        facts,
        model=f"virtual {board.description} (QEMU, {board.cpu})",
        arch=arch,
        cores=machine.state.settings.cores,
        system=system,
        python=told["python"],
        onnxruntime=told.get("onnxruntime"),
    )


def _probe(
    machine: Machine, candidate: Candidate, budget: Budget, backend: Backend, announce: Callable[[str], None]
) -> Measurements:
    probes = ProbeRunner(candidate=candidate, budget=budget, backend=backend)
    orders = dataclasses.replace(probes.orders(requests=REQUESTS, verify=True), warmup=WARMUP)
    measured = Measurements()
    try:
        with ProgressBar("probe", say=announce):
            result = run_latency_probe(probe_command(machine, candidate, "probe"), orders, timeout_s=_PROBE_TIMEOUT_S)
        measured = Measurements(processes=(result,))
        announce(f"where the memory goes, over {MEMORY_REQUESTS} requests")
        orders = dataclasses.replace(orders, requests=MEMORY_REQUESTS, verify=False)
        command = probe_command(machine, candidate, "memory_probe")
        with ProgressBar("memory", say=announce):
            memory = run_probe(command, orders, MemoryResult, timeout_s=_PROBE_TIMEOUT_S, name="the memory probe")
        return dataclasses.replace(measured, memory=memory)
    except ProbeFailed as failure:
        machine.check_alive()  # when the machine died, that is the news
        if measured.processes:
            return dataclasses.replace(measured, memory_problem=str(failure))
        return Measurements(problem=str(failure))


def probe_command(machine: Machine, candidate: Candidate, module: str) -> list[str]:
    """What runs a probe of what was copied: `probe` or `memory_probe`."""
    of_a_program = f"./program --{module.replace('_', '-')}"
    probe = _OF_A_BUNDLE.format(module=module) if candidate.program is None else of_a_program
    return ssh_command(image=machine.image, port=machine.state.port, command=[_PROBE.format(probe=probe)])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
