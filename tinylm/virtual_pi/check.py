"""The budget check on a virtual Pi: the real probe, the real ARM wheels, over real ssh, with a clock of instructions.

What comes back is worth different things. Memory, golden tokens and quality are what the ARM code really did, on a
machine that is not the board: `indicative`. Times are instruction counts turned into milliseconds: `estimated`.
Nothing of it is ever `measured`. Whatever keeps the machine from answering is an error with exit code 3.
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
from tinylm.budget.advice import advise
from tinylm.budget.check import make_report
from tinylm.budget.estimate.estimate import estimate_counted
from tinylm.budget.judge.elsewhere import judge_elsewhere
from tinylm.budget.judge.validity import judge_validity
from tinylm.budget.judge.verdict import judge
from tinylm.budget.measure.probes import Measurements, ProbeFailed, ProbeRunner, run_latency_probe, run_probe
from tinylm.budget.report import BudgetReport
from tinylm.budget.spec.budget import Budget, CostModel
from tinylm.budget.spec.candidate import Candidate, bundle_candidate
from tinylm.budget.spec.prompts import PROMPTS
from tinylm.bundle.reading import Bundle
from tinylm.machine.device import DeviceFacts, device_facts
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.measurement.protocol import MemoryResult
from tinylm.virtual_pi.boards import BOARDS, Board
from tinylm.virtual_pi.machine import Machine, running
from tinylm.virtual_pi.qemu import Settings
from tinylm.virtual_pi.remote import ssh_command
from tinylm.virtual_pi.runtime_files import runtime_archive

REQUESTS = len(PROMPTS)
"""Each prompt once: the counts repeat, so more of the same would say nothing new."""
MEMORY_REQUESTS = 24
"""Of the memory probe: an emulator that counts instructions takes seconds for what the board does in one."""
WARMUP = 1
_PROBE_TIMEOUT_S = 900.0
_NOTES = ("memory growth takes a thousand requests, which no emulator does in bearable time: measure it elsewhere",)
_FACTS = """\
import importlib.metadata, json, pathlib, platform
files = {name: pathlib.Path("/", name).read_text() for name in ("proc/cpuinfo", "proc/meminfo")}
print(json.dumps({"files": files, "arch": platform.machine(), "python": platform.python_version(),
    "system": f"{platform.system()} {platform.release()}", "onnxruntime": importlib.metadata.version("onnxruntime")}))
"""
# The shell says which signal ended the probe, because ssh brings back a number only.
_PROBE = (
    "cd check && PYTHONPATH=$PWD python3 -P -m tinylm.runtime.measurement.{module} bundle || {{"
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
    bundle: Bundle,
    budget: Budget,
    *,
    image: Path,
    board: Board,
    folder: Path,
    announce: Callable[[str], None],
    backend: Backend = "auto",
) -> Checked:
    """Boot `board` from `image`, run the probe on `bundle` in it with `backend`, stop it, and judge by `budget`.

    TinylmError with exit code 3 when the virtual Pi fails, with 2 when the bundle or the budget cannot be used.
    """
    cost = cost_model(budget)
    candidate = dataclasses.replace(bundle_candidate(bundle), notes=_NOTES)
    settings = Settings(cpu=board.cpu, cores=1, memory_mib=board.memory_mib, port=0, measure=True, snapshot=True)
    announce(f"booting a virtual {board.description} ({board.cpu}, {board.memory_mib} MiB)")
    with running(image=image, settings=settings, folder=folder) as machine:
        boot_s = machine.wait()
        announce("copying bundle and runtime")
        copy_runtime(machine, bundle)
        facts = guest_facts(machine, board)
        announce(f"{WARMUP + REQUESTS} requests, golden tokens and quality, on the ARM code")
        measured = _probe(machine, candidate, budget, backend, announce)
    validity = judge_validity(measured.processes) if measured.processes else None
    # So few requests as can be waited for say nothing of growth; the notes say that it is left out.
    judged = dataclasses.replace(budget, limits=dataclasses.replace(budget.limits, growth_mb=None))
    results = judge(judged, candidate=candidate, measured=measured, validity=validity, basis="indicative")
    estimate = None
    if measured.problem is None:
        estimate = estimate_counted(
            cost,
            measured.processes,
            model_bytes=bundle.model.stat().st_size,
            prompt_tokens=budget.request.prompt_tokens,
            new_tokens=budget.request.new_tokens,
        )
    results = judge_elsewhere(results, estimate, why_not=measured.problem or "")
    report = make_report(
        candidate,
        budget,
        facts=facts,
        measured=measured,
        validity=validity,
        results=results,
        estimate=estimate,
    )
    report = dataclasses.replace(report, advice=advise(report, candidate))
    return Checked(report=report, boot_s=boot_s)


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


def guest_facts(machine: Machine, board: Board) -> DeviceFacts:
    """What the guest says of itself, under a name that nobody takes for the board's."""
    told = json.loads(machine.ssh(f"python3 -c {_quoted(_FACTS)}"))
    with tempfile.TemporaryDirectory(prefix="tinylm-") as folder:
        for name, text in told["files"].items():
            file = Path(folder) / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        facts = device_facts(Path(folder))
    return dataclasses.replace(
        facts,
        model=f"virtual {board.description} (QEMU, {board.cpu})",
        arch=told["arch"],
        cores=machine.state.settings.cores,
        system=told["system"],
        python=told["python"],
        onnxruntime=told["onnxruntime"],
    )


def _probe(
    machine: Machine, candidate: Candidate, budget: Budget, backend: Backend, announce: Callable[[str], None]
) -> Measurements:
    probes = ProbeRunner(candidate=candidate, budget=budget, backend=backend)
    orders = dataclasses.replace(probes.orders(requests=REQUESTS, verify=True), warmup=WARMUP)
    measured = Measurements()
    try:
        with ProgressBar("probe", say=announce):
            result = run_latency_probe(_command(machine, "probe"), orders, timeout_s=_PROBE_TIMEOUT_S)
        measured = Measurements(processes=(result,))
        announce(f"where the memory goes, over {MEMORY_REQUESTS} requests")
        orders = dataclasses.replace(orders, requests=MEMORY_REQUESTS, verify=False)
        command = _command(machine, "memory_probe")
        with ProgressBar("memory", say=announce):
            memory = run_probe(command, orders, MemoryResult, timeout_s=_PROBE_TIMEOUT_S, name="the memory probe")
        return dataclasses.replace(measured, memory=memory)
    except ProbeFailed as failure:
        machine.check_alive()  # when the machine died, that is the news
        if measured.processes:
            return dataclasses.replace(measured, memory_problem=str(failure))
        return Measurements(problem=str(failure))


def _command(machine: Machine, module: str) -> list[str]:
    return ssh_command(image=machine.image, port=machine.state.port, command=[_PROBE.format(module=module)])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
