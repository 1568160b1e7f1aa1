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

from tinylm.base.progress import ProgressBar
from tinylm.budget.judge.times import TimeSummary, explain, summarise_times
from tinylm.budget.judge.validity import Cause, judge_validity
from tinylm.budget.judge.verdict import Finding, LimitResult, Verdict, not_measured, result_of
from tinylm.budget.measure.conditions import MachineMonitor, MachineState
from tinylm.budget.measure.probe_process import ProbeFailed
from tinylm.budget.measure.probes import ProbeSetup, run_probe, timeout_s
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


def soak(
    budget: Budget,
    *,
    minutes: float,
    warm: Sequence[ProbeResult],
    program: ProbeSetup,
    monitor: MachineMonitor,
    cores: int,
    announce: Callable[[str], None],
) -> Soak:
    """Do requests for so many minutes; `warm` holds what was measured before."""
    latency = [value for process in warm for value in process.latency_ms]
    typical_ms = observed(latency, 0.5)
    requests = max(2, min(2000, round(_PROCESS_S * 1e3 / typical_ms)))
    start = time.monotonic()
    intervals: list[SoakInterval] = []
    results: list[ProbeResult] = []
    begin = monitor.sample()
    problem = None
    with ProgressBar("sustained load", total=60 * minutes, unit="s", say=announce) as bar:
        while (elapsed := time.monotonic() - start) < minutes * 60:
            heat = intervals[-1].temperature_c if intervals else None
            bar.at(elapsed, "" if heat is None else f"{heat:.0f} °C")
            done = sum(interval.requests for interval in intervals)
            orders = program.orders(budget, requests=requests, first_request=done)
            try:
                with monitor.polling_firmware():
                    result = run_probe(program.command(), orders, timeout_s=timeout_s(budget, orders))
            except ProbeFailed as failure:
                problem = str(failure)
                break
            moment, until = monitor.sample(), time.monotonic() - start
            results.append(result)
            intervals.append(
                SoakInterval(
                    until_s=round(until, 1),
                    requests=requests,
                    p50_ms=observed(result.latency_ms, 0.5),
                    p95_ms=observed(result.latency_ms, QUANTILE),
                    worst_ms=max(result.latency_ms),
                    over=sum(value > budget.limits.latency_p95_ms for value in result.latency_ms),
                    temperature_c=moment.temperature_c,
                    clock_mhz=moment.clock_mhz,
                    throttled=moment.throttled,
                )
            )
    settled: list[tuple[float, ...]] = []
    for end, result in zip(reversed(intervals), reversed(results), strict=True):
        # The latest ones first: more than a budget may ask for says nothing more.
        if end.until_s <= minutes * 30 or sum(map(len, settled)) + len(result.latency_ms) > MOST_LOOKS:
            break
        settled.insert(0, result.latency_ms)
    requested = sum(map(len, settled))
    summary = None
    if requested >= fewest_for_a_pass(looks=1, quantile=QUANTILE, level=budget.confidence.level):
        confidence = Confidence(
            level=budget.confidence.level,
            looks=(requested,),  # fixed by the clock, not by what was seen
            processes=2,
            warmup=budget.confidence.warmup,
        )
        summary = summarise_times(NAME, settled, limit=budget.limits.latency_p95_ms, confidence=confidence)
    late = [value for latency in settled for value in latency]
    slowdown = round(observed(late, 0.5) / typical_ms, 3) if late else None
    return Soak(
        minutes=minutes,
        intervals=tuple(intervals),
        settled=summary,
        slowdown=slowdown,
        problem=problem,
        void=_void(results, monitor, begin, cores=cores, budget=budget),
    )


def _void(
    results: Sequence[ProbeResult], monitor: MachineMonitor, begin: MachineState, *, cores: int, budget: Budget
) -> Cause | None:
    """What was seen since `begin` that has nothing to do with sustained load."""
    if not results:
        return None
    moments = monitor.states[monitor.states.index(begin) :]
    validity = judge_validity(
        results,
        moments=moments,
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
