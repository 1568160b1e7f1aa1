"""Probe processes: started in a clean environment, given their orders, and read, whatever becomes of them.

    probes = ProbeRunner(candidate=candidate, budget=budget)
    result = probes.run(probes.orders(requests=31))          # one process
    measured = measure_latency(probes, until=124, ...)       # several, until so many requests are done

A probe that is killed, hangs, crashes or talks nonsense is a `ProbeFailed` that says how. It becomes a reason for
`not_measured` and never counts as a pass. One that refuses its input says so itself and is a TinylmError.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tinylm.base.errors import TinylmError
from tinylm.base.package import ROOT
from tinylm.base.progress import ProgressBar
from tinylm.base.records import check_schema, read
from tinylm.budget.measure.conditions import MachineMonitor
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.candidate import Candidate
from tinylm.budget.spec.prompts import PROMPTS
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.measurement.protocol import SCHEMA, MemoryResult, ProbeOrders, ProbeResult, Refused

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Result = TypeVar("Result")

INTERPRETER = (sys.executable, "-P", "-m")
"""What starts a module of this tinylm."""
_START_S = 120
"""Python and its libraries take 4 s to import on an emulated Zero 2 W, and a cold SD card may be ten times slower."""
_TIMES_THE_LIMIT = 20
"""A request that is this many times slower than the budget allows is not worth waiting for."""
_VERIFY_S = 600
_MOST_S = 1e6
"""The system's own clock for waiting ends at 2 million seconds."""
# What a process needs to find its libraries and write its temporary files; everything else (PYTHON*, OMP_*, MALLOC_*,
# LD_PRELOAD, ...) would make two people measure two different programs.
_KEPT_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
)
_SIGNAL_REASONS = {
    "SIGILL": ": this processor lacks an instruction that a library uses (onnxruntime or numpy)",
    "SIGKILL": ": most likely the system ran out of memory",
}


class ProbeFailed(Exception):
    """A probe ended without a measurement; the message says how."""

    def __init__(self, message: str, *, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal
        """The number of the signal that ended it; None when it ended by itself or could not be started."""


def run_probe(
    command: Sequence[str],
    orders: DataclassInstance,
    result: type[Result],
    *,
    timeout_s: float,
    name: str = "the probe",
) -> Result:
    """Run one probe of any kind to its end: the orders on its standard input, a `result` on its standard output.

    Both have a `schema` of the same major version; `name` is the probe's in messages. TinylmError when it refuses its
    input, ProbeFailed for any other end but success.
    """
    document = dataclasses.asdict(orders)
    try:
        done = subprocess.run(
            command,
            input=json.dumps(document).encode(),
            capture_output=True,
            timeout=timeout_s,  # kills it
            env=clean_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProbeFailed(f"{name} gave no result within {timeout_s:.0f} s and was stopped") from error
    except OSError as error:
        raise ProbeFailed(f"{name} could not be started: {error.strerror}") from error
    if done.returncode < 0:
        number = -done.returncode
        ended_by = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        raise ProbeFailed(f"{name} was killed by {ended_by}{_SIGNAL_REASONS.get(ended_by, '')}", signal=number)
    try:
        answer = json.loads(done.stdout)
    except (ValueError, RecursionError):
        answer = None
    if done.returncode != 0:
        if isinstance(answer, dict) and "refused" in answer:
            refused = read(Refused, answer["refused"], f"the refusal of {name}")
            raise TinylmError(refused.message, refused.hint, exit_code=refused.exit_code)
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise ProbeFailed(f"{name} ended with code {done.returncode}: {last[0][:200]}")
    try:
        check_schema(answer, major=int(document["schema"].partition(".")[0]), where="its result")
        return read(result, answer, "its result")
    except TinylmError as error:
        raise ProbeFailed(f"{name} gave an unusable result: {error.message}") from error


def run_latency_probe(
    command: Sequence[str], orders: ProbeOrders, *, timeout_s: float, name: str = "the probe"
) -> ProbeResult:
    """`run_probe` of the probe that times requests; ProbeFailed too when its times cannot be those of the orders."""
    result = run_probe(command, orders, ProbeResult, timeout_s=timeout_s, name=name)
    series = (result.latency_ms, result.ttft_ms, result.itl_ms, result.at_ms, result.work_ms[1:])
    lengths = {len(values) for values in series}
    if lengths != {orders.requests}:
        raise ProbeFailed(f"{name} timed {sorted(lengths)} requests; {orders.requests} were ordered")
    if len(result.waited_ms) not in (0, orders.requests):
        raise ProbeFailed(f"{name} timed {len(result.waited_ms)} waits; {orders.requests} requests were ordered")
    shortest = min((*result.latency_ms, *result.ttft_ms, *result.itl_ms))
    if shortest <= 0 or min((*result.work_ms, *result.waited_ms)) < 0 or list(result.at_ms) != sorted(result.at_ms):
        raise ProbeFailed(f"{name}'s clock went back: a time of {shortest:g} ms is impossible")
    return result


def clean_environment() -> dict[str, str]:
    """What a probe sees of this process's environment."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True, kw_only=True)
class ProbeRunner:
    """Runs probes of one candidate that do the budget's request."""

    candidate: Candidate
    budget: Budget
    backend: Backend = "auto"
    """What runs the model in them."""
    interpreter: tuple[str, ...] = INTERPRETER
    """The command before the module's name."""
    elsewhere: Callable[[Sequence[str]], list[str]] = list
    """Makes of a program's command the one that runs it where it is measured: under an emulator, on another machine."""
    serve: bool = False
    """The serving process is measured, over HTTP, in place of the probe."""

    def orders(self, *, requests: int, first_request: int = 0, verify: bool = False) -> ProbeOrders:
        """The budget's request, so often, as a probe understands it; to `verify` is to compare golden tokens too."""
        candidate, request = self.candidate, self.budget.request
        return ProbeOrders(
            schema=SCHEMA,
            prompts=PROMPTS,
            first_request=first_request,
            prompt_tokens=request.prompt_tokens,
            new_tokens=request.new_tokens,
            threads=request.threads,
            warmup=self.budget.confidence.warmup,
            requests=requests,
            backend=self.backend,
            verify=verify and candidate.golden,
            decoder=candidate.decoder,
            bundle_sha256=candidate.manifest_sha256,
        )

    def run(self, orders: ProbeOrders, *, under: Sequence[str] = ()) -> ProbeResult:
        """Run one latency probe, started by the command `under` where there is one; errors as in `run_probe`."""
        command, timeout_s = self._command("probe"), self._timeout_s(orders)
        if self.serve:  # what measures is another process than what is measured, which alone is started so
            return run_latency_probe([*command, *under], orders, timeout_s=timeout_s, name="the serving process")
        return run_latency_probe([*under, *command], orders, timeout_s=timeout_s)

    def run_memory(self) -> MemoryResult:
        """Run the memory probe over the requests that the budget gives it; errors as in `run_probe`."""
        orders = self.orders(requests=self.budget.confidence.memory_requests)
        command, timeout_s = self._command("memory_probe"), self._timeout_s(orders)
        return run_probe(command, orders, MemoryResult, timeout_s=timeout_s, name="the memory probe")

    def _command(self, module: str) -> list[str]:
        path = str(self.candidate.path.resolve())
        if self.candidate.kind == "program":
            return self.elsewhere([path, f"--{module.replace('_', '-')}"])
        room = "serve" if self.serve else "runtime"
        return [*self.interpreter, f"tinylm.{room}.measurement.{module}", path]

    def _timeout_s(self, orders: ProbeOrders) -> float:
        requests_s = (orders.requests + orders.warmup) * self.budget.limits.latency_p95_ms / 1e3 * _TIMES_THE_LIMIT
        return min(_START_S + requests_s + (_VERIFY_S if orders.verify else 0), _MOST_S)


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What the probes of one or more rounds measured; `problem` says why a measurement is missing, and voids all."""

    processes: tuple[ProbeResult, ...] = ()
    problem: str | None = None
    memory: MemoryResult | None = None
    """What the memory probe saw; None when it did not run."""
    memory_problem: str | None = None
    """Why the memory probe has no result."""
    cache_dropped: bool = False
    """Whether the system was asked to forget the files before the first process."""

    @property
    def requests(self) -> int:
        """Counted ones, in all processes so far."""
        return sum(len(process.latency_ms) for process in self.processes)


def measure_latency(
    so_far: Measurements,
    *,
    until: int,
    probes: ProbeRunner,
    announce: Callable[[str], None],
    monitor: MachineMonitor | None = None,
) -> Measurements:
    """Do requests in fresh processes until there are `until`; the very first process also compares golden tokens.

    `monitor` samples the machine after each of them.
    """
    measured = so_far
    wanted, count = until - so_far.requests, probes.budget.confidence.processes
    for index in range(count):
        requests = wanted // count + (index < wanted % count)
        if requests == 0:
            continue
        first = not measured.processes
        orders = probes.orders(requests=requests, first_request=measured.requests, verify=first)
        announce(
            f"process {index + 1} of {count}: {requests} requests, to {until} in all"
            + (", then golden tokens" if orders.verify else "")
        )
        polling = contextlib.nullcontext() if monitor is None else monitor.polling_firmware()
        try:
            with polling, ProgressBar(f"process {index + 1}", say=announce):
                result = probes.run(orders)
        except ProbeFailed as failure:
            return dataclasses.replace(measured, problem=str(failure))
        measured = dataclasses.replace(measured, processes=(*measured.processes, result))
        if monitor is not None:
            monitor.sample()
    return measured


def measure_memory(so_far: Measurements, *, probes: ProbeRunner) -> Measurements:
    """Run the memory probe; whatever becomes of it, what was measured before stands."""
    try:
        return dataclasses.replace(so_far, memory=probes.run_memory())
    except (ProbeFailed, TinylmError) as failure:
        return dataclasses.replace(so_far, memory_problem=str(failure))
