"""Sustained speed: requests without a pause for minutes, with heat and clock over time.

A board that is fast for ten seconds may be slow for the rest of the day. Fresh processes follow one another, each as
long as some seconds of requests; the limit is judged on the second half, when the board has reached its temperature.
Slower and slower requests, throttling and heat are what is looked for here, so they void nothing; neighbours and a
clock that jumped do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinylm.budget.judge.times import TimeSummary, explain, summarise_times
from tinylm.budget.judge.validity import Cause, judge_validity
from tinylm.budget.judge.verdict import Finding, LimitResult, Verdict, not_measured, result_of
from tinylm.budget.measure.conditions import MachineMonitor, MachineState
from tinylm.budget.measure.probes import ProbeFailed, ProbeRunner
from tinylm.budget.spec.budget import MOST_LOOKS, QUANTILE, Budget, Confidence
from tinylm.budget.spec.device import Basis
from tinylm.budget.statistics.binomial import observed
from tinylm.budget.statistics.sequential import fewest_for_a_pass
from tinylm.runtime.measurement.protocol import ProbeResult

NAME = "sustained_p95_ms"
_NOT_LOAD = ("contention", "clock", "sleep", "governor", "under-voltage")
_PROCESS_S = 10.0
"""How long one process's requests take, about."""


@dataclass(frozen=True, kw_only=True)
class SoakInterval:
    """One process's requests; temperature and clock right after them."""

    until_s: float
    requests: int
    p50_ms: float
    p95_ms: float
    worst_ms: float
    over: int
    """Requests over the limit of the latency."""
    temperature_c: float | None
    clock_mhz: float | None
    throttled: int | None


@dataclass(frozen=True, kw_only=True)
class Soak:
    minutes: float
    intervals: tuple[SoakInterval, ...]
    settled: TimeSummary | None
    """Of the second half's requests; None when there was none."""
    slowdown: float | None
    """Median of the second half over the median of the warm requests before."""
    problem: str | None
    """Why it ended early."""
    void: Cause | None
    """What else makes its verdict void."""


def run_soak(
    probes: ProbeRunner,
    *,
    minutes: float,
    warm: Sequence[ProbeResult],
    monitor: MachineMonitor,
    cores: int,
    announce: Callable[[str], None],
) -> Soak:
    """Do requests for so many minutes on a machine of so many cores; `warm` holds what was measured before."""
    typical_ms = observed([value for process in warm for value in process.latency_ms], 0.5)
    requests = max(2, min(2000, round(_PROCESS_S * 1e3 / typical_ms)))
    start = time.monotonic()
    intervals: list[SoakInterval] = []
    results: list[ProbeResult] = []
    begin = monitor.sample()
    problem = None
    while (elapsed := time.monotonic() - start) < minutes * 60:
        heat = "" if not intervals or intervals[-1].temperature_c is None else f", {intervals[-1].temperature_c:.0f} °C"
        announce(f"sustained load: {elapsed / 60:.1f} of {minutes:g} minutes{heat}")
        try:
            with monitor.polling_firmware():
                result = probes.run(probes.orders(requests=requests, first_request=requests * len(intervals)))
        except ProbeFailed as failure:
            problem = str(failure)
            break
        results.append(result)
        state = monitor.sample()
        intervals.append(_interval(result, state, until_s=time.monotonic() - start, budget=probes.budget))
    late = _second_half(intervals, results, minutes=minutes)
    values = [value for latency in late for value in latency]
    return Soak(
        minutes=minutes,
        intervals=tuple(intervals),
        settled=_settled(late, probes.budget),
        slowdown=round(observed(values, 0.5) / typical_ms, 3) if values else None,
        problem=problem,
        void=_void(results, monitor, begin, cores=cores, budget=probes.budget),
    )


def _interval(result: ProbeResult, state: MachineState, *, until_s: float, budget: Budget) -> SoakInterval:
    return SoakInterval(
        until_s=round(until_s, 1),
        requests=len(result.latency_ms),
        p50_ms=observed(result.latency_ms, 0.5),
        p95_ms=observed(result.latency_ms, QUANTILE),
        worst_ms=max(result.latency_ms),
        over=sum(value > budget.limits.latency_p95_ms for value in result.latency_ms),
        temperature_c=state.temperature_c,
        clock_mhz=state.clock_mhz,
        throttled=state.throttled,
    )


def _second_half(
    intervals: Sequence[SoakInterval], results: Sequence[ProbeResult], *, minutes: float
) -> list[tuple[float, ...]]:
    """Latencies of the processes that ended in the second half: the latest ones, as many as a budget may ask for."""
    late: list[tuple[float, ...]] = []
    for end, result in zip(reversed(intervals), reversed(results), strict=True):
        if end.until_s <= minutes * 30 or sum(map(len, late)) + len(result.latency_ms) > MOST_LOOKS:
            break
        late.insert(0, result.latency_ms)
    return late


def _settled(late: Sequence[Sequence[float]], budget: Budget) -> TimeSummary | None:
    """The decision on the second half; None with fewer requests than a pass needs."""
    requests, confidence = sum(map(len, late)), budget.confidence
    if requests < fewest_for_a_pass(looks=1, quantile=QUANTILE, level=confidence.level):
        return None
    # A single look: the number of requests was fixed by the clock, not by what was seen.
    single = Confidence(level=confidence.level, looks=(requests,), processes=2, warmup=confidence.warmup)
    return summarise_times(NAME, late, limit=budget.limits.latency_p95_ms, confidence=single)


def _void(
    results: Sequence[ProbeResult], monitor: MachineMonitor, begin: MachineState, *, cores: int, budget: Budget
) -> Cause | None:
    """What was seen since `begin` that has nothing to do with sustained load."""
    if not results:
        return None
    validity = judge_validity(
        results,
        states=monitor.states[monitor.states.index(begin) :],
        busiest=monitor.busy_processes(),
        cores=cores,
        threads=budget.request.threads,
        governors=budget.device.governors,
    )
    return next((cause for cause in validity.causes if cause.name in _NOT_LOAD), None)


def judge_soak(found: Soak, budget: Budget, basis: Basis) -> LimitResult:
    """The latency's limit on the requests of the second half."""
    if found.problem is not None:
        finding = not_measured(found.problem)
    elif found.settled is None or found.settled.decision is None:
        requests = sum(interval.requests for interval in found.intervals)
        finding = not_measured(f"{requests} requests are too few for a verdict; soak for longer")
    else:
        hottest = max((i.temperature_c for i in found.intervals if i.temperature_c is not None), default=None)
        heat = "" if hottest is None else f", at up to {hottest:.0f} °C"
        slower = "" if found.slowdown is None else f"; median {found.slowdown:.2f} times that of the start{heat}"
        verdict: Verdict = found.settled.decision
        void, what = None, ""
        if found.void is not None and (found.void.voids == "everything" or verdict == "fail"):
            verdict, void, what = "undecided", found.void.name, f"void: {found.void.what}; "
        finding = Finding(
            measured=found.settled.p95,
            verdict=verdict,
            void=void,
            evidence=f"{what}second half of {found.minutes:g} minutes: {explain(found.settled)}{slower}",
        )
    return result_of(NAME, budget.limits.latency_p95_ms, "ms", basis, finding)
