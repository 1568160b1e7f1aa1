"""Starting probe processes and collecting what they measured, whatever becomes of them.

A probe that ends badly is a reason for `not_measured`; it never counts as a pass. A bundle that cannot be used (the
probe says so itself) is a TinylmError.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.budget.measure.conditions import MachineMonitor
from tinylm.budget.measure.probe_process import ProbeFailed, run_child
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.prompts import PROMPTS
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.measurement.protocol import MAJOR, SCHEMA, MemoryResult, ProbeOrders, ProbeResult

_START_S = 120
"""Python and its libraries take 4 s to import on an emulated Zero 2 W, and a cold SD card may be ten times slower."""
_TIMES_THE_LIMIT = 20
"""A request that is this many times slower than the budget allows is not worth waiting for."""
_VERIFY_S = 600
_MOST_S = 1e6
"""The system's own clock for waiting ends at 2 million seconds."""


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What the probes of one or more rounds measured; `problem` says why a measurement is missing, and voids all."""

    processes: tuple[ProbeResult, ...] = ()
    problem: str | None = None
    memory: MemoryResult | None = None
    """What the memory probe saw; None when it did not run."""
    memory_problem: str | None = None
    """Why the memory probe has no result."""

    @property
    def requests(self) -> int:
        """Counted ones, in all processes so far."""
        return sum(len(process.latency_ms) for process in self.processes)


@dataclass(frozen=True, kw_only=True)
class ProbeSetup:
    """How probes are started, and what they are told of what they measure."""

    before: tuple[str, ...]
    """The command before the module's name."""
    after: tuple[str, ...]
    """And after it."""
    backend: Backend = "auto"
    """What runs the model in them."""
    golden: bool = True
    """Whether there are golden tokens to compare."""
    decoder: dict[str, Any] | None = None
    """Of a decoder from elsewhere, what lies in its folder (`tinylm.external_decoder.description.DecoderOrders`)."""
    bundle_sha256: str | None = None
    """The bundle that every one of them must find there."""

    def command(self, module: str = "probe") -> list[str]:
        """The command that starts `tinylm.runtime.measurement.MODULE` on what is measured."""
        return [*self.before, f"tinylm.runtime.measurement.{module}", *self.after]

    def orders(self, budget: Budget, *, requests: int, first_request: int = 0, verify: bool = False) -> ProbeOrders:
        """The budget's request, so often, as a probe understands it; to `verify` is to compare golden tokens too."""
        return ProbeOrders(
            schema=SCHEMA,
            prompts=PROMPTS,
            first_request=first_request,
            prompt_tokens=budget.request.prompt_tokens,
            new_tokens=budget.request.new_tokens,
            threads=budget.request.threads,
            warmup=budget.confidence.warmup,
            requests=requests,
            backend=self.backend,
            verify=verify and self.golden,
            decoder=self.decoder,
            bundle_sha256=self.bundle_sha256,
        )


def program_for(folder: Path) -> ProbeSetup:
    """This Python, this tinylm, on the bundle in `folder`."""
    return ProbeSetup(before=(sys.executable, "-P", "-m"), after=(str(folder.resolve()),))


def timeout_s(budget: Budget, orders: ProbeOrders) -> float:
    """How long a probe with these orders may take before it is not worth waiting for."""
    requests_s = (orders.requests + orders.warmup) * budget.limits.latency_p95_ms / 1e3 * _TIMES_THE_LIMIT
    return min(_START_S + requests_s + (_VERIFY_S if orders.verify else 0), _MOST_S)


def probe_more(
    so_far: Measurements,
    *,
    until: int,
    budget: Budget,
    program: ProbeSetup,
    announce: Callable[[str], None],
    monitor: MachineMonitor | None = None,
) -> Measurements:
    """Do requests in fresh processes until there are `until`; the very first process also compares golden tokens.

    `watch` looks at the machine after each of them.
    """
    processes = list(so_far.processes)
    wanted, count = until - so_far.requests, budget.confidence.processes
    for index in range(count):
        requests = wanted // count + (index < wanted % count)
        if requests == 0:
            continue
        first = sum(len(process.latency_ms) for process in processes)
        orders = program.orders(budget, requests=requests, first_request=first, verify=not processes)
        announce(
            f"process {index + 1} of {count}: {requests} requests, to {until} in all"
            + (", then golden tokens" if orders.verify else "")
        )
        try:
            listening = contextlib.nullcontext() if monitor is None else monitor.polling_firmware()
            with listening, ProgressBar(f"process {index + 1}", say=announce):
                processes.append(run_probe(program.command(), orders, timeout_s=timeout_s(budget, orders)))
        except ProbeFailed as failure:
            return dataclasses.replace(so_far, processes=tuple(processes), problem=str(failure))
        if monitor is not None:
            monitor.sample()
    return dataclasses.replace(so_far, processes=tuple(processes))


def probe_memory(so_far: Measurements, *, budget: Budget, program: ProbeSetup) -> Measurements:
    """Run the memory probe; whatever becomes of it, what was measured before stands."""
    orders = program.orders(budget, requests=budget.confidence.memory_requests)
    try:
        result = run_memory_probe(program.command("memory_probe"), orders, timeout_s=timeout_s(budget, orders))
    except (ProbeFailed, TinylmError) as failure:
        return dataclasses.replace(so_far, memory_problem=str(failure))
    return dataclasses.replace(so_far, memory=result)


def run_probe(command: Sequence[str], orders: ProbeOrders, *, timeout_s: float) -> ProbeResult:
    """Run one probe to its end: TinylmError when it refuses its input, ProbeFailed for any other end but success."""
    result = run_child(command, orders, answer=ProbeResult, major=MAJOR, what="the probe", timeout_s=timeout_s)
    _check_times(result, orders)
    return result


def run_memory_probe(command: Sequence[str], orders: ProbeOrders, *, timeout_s: float) -> MemoryResult:
    """The same for the memory probe."""
    return run_child(command, orders, answer=MemoryResult, major=MAJOR, what="the memory probe", timeout_s=timeout_s)


def _check_times(result: ProbeResult, orders: ProbeOrders) -> None:
    """ProbeFailed when there are not as many times as requests, or when they cannot be times."""
    series = (result.latency_ms, result.ttft_ms, result.itl_ms, result.at_ms, result.work_ms[1:])
    lengths = {len(values) for values in series}
    if lengths != {orders.requests}:
        raise ProbeFailed(f"the probe timed {sorted(lengths)} requests; {orders.requests} were ordered")
    if len(result.waited_ms) not in (0, orders.requests):
        raise ProbeFailed(f"the probe timed {len(result.waited_ms)} waits; {orders.requests} requests were ordered")
    shortest = min((*result.latency_ms, *result.ttft_ms, *result.itl_ms))
    if shortest <= 0 or min((*result.work_ms, *result.waited_ms)) < 0 or list(result.at_ms) != sorted(result.at_ms):
        raise ProbeFailed(f"the probe's clock went back: a time of {shortest:g} ms is impossible")
