"""Milliseconds of a board from instruction counts of an emulator: arithmetic with its errors, never a measurement.

    ms = instructions x cycles per instruction / clock  +  bytes read / memory bandwidth

Both factors come from the budget's `[estimate]` with their errors. An emulator that counts instructions knows no
caches, no stalls and no second core, so the two terms are added as if nothing overlapped, and both errors are taken to
fall the same way. An estimate decides a limit only when its whole range lies on one side of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinylm.budget.spec import Budget, CostModel
from tinylm.budget.verdict import LimitResult, Verdict
from tinylm.runtime.probe_contract import ProbeResult

INSTRUCTIONS_PER_MS = 1e6
"""Of guest time, when every instruction takes one nanosecond."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One part of an estimated time, in milliseconds: the likeliest value and the ends of its error bar."""

    ms: float
    low_ms: float
    high_ms: float


@dataclass(frozen=True, kw_only=True)
class TimeEstimate:
    """How one time came about."""

    instructions: float
    """Most that any counted request took."""
    bytes_read: int
    """Weights read from memory: the whole model once a pass."""
    passes: int
    compute: Term
    memory: Term
    total: Term


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The estimated times of one request, and what they were made from."""

    cost: CostModel
    requests: int
    spread: float
    """Largest over smallest instruction count of the requests, less 1; the prompts differ, so it is not 0."""
    latency: TimeEstimate
    ttft: TimeEstimate
    """Reading the prompt and giving the first token."""
    itl: TimeEstimate
    """One token after the first."""


def estimate_times(
    cost: CostModel,
    processes: Sequence[ProbeResult],
    *,
    model_bytes: int,
    prompt_tokens: int,
    new_tokens: int,
    chunk_tokens: int,
) -> Estimate:
    """Estimate from probes whose clock counts instructions; `processes` hold at least one request.

    All prompt tokens but the last are read in passes of at most `chunk_tokens`; the last one and every new token but
    the last take one pass each.
    """
    latency = [value for process in processes for value in process.latency_ms]
    ttft = [value for process in processes for value in process.ttft_ms]
    itl = [value for process in processes for value in process.itl_ms]
    reading = -(-(prompt_tokens - 1) // chunk_tokens)

    def time(guest_ms: Sequence[float], passes: int) -> TimeEstimate:
        return estimate_time(
            cost, instructions=max(guest_ms) * INSTRUCTIONS_PER_MS, bytes_read=passes * model_bytes, passes=passes
        )

    return Estimate(
        cost=cost,
        requests=len(latency),
        spread=round(max(latency) / min(latency) - 1, 6),
        latency=time(latency, reading + new_tokens),
        ttft=time(ttft, reading + 1),
        itl=time(itl, 1),
    )


def estimate_time(cost: CostModel, *, instructions: float, bytes_read: int, passes: int) -> TimeEstimate:
    """The sum of both terms, and its error bar from theirs."""
    cycles_per_ms, bytes_per_ms = cost.clock_ghz * 1e6, cost.bandwidth_gb_s * 1e6
    bytes_error = cost.bandwidth_error_gb_s * 1e6
    compute = Term(
        ms=instructions * cost.cpi / cycles_per_ms,
        low_ms=instructions * (cost.cpi - cost.cpi_error) / cycles_per_ms,
        high_ms=instructions * (cost.cpi + cost.cpi_error) / cycles_per_ms,
    )
    memory = Term(
        ms=bytes_read / bytes_per_ms,
        low_ms=bytes_read / (bytes_per_ms + bytes_error),
        high_ms=bytes_read / (bytes_per_ms - bytes_error),
    )
    total = Term(
        ms=compute.ms + memory.ms,
        low_ms=compute.low_ms + memory.low_ms,
        high_ms=compute.high_ms + memory.high_ms,
    )
    return TimeEstimate(
        instructions=instructions, bytes_read=bytes_read, passes=passes, compute=compute, memory=memory, total=total
    )


def judge_estimated(results: Sequence[LimitResult], budget: Budget, estimate: Estimate) -> list[LimitResult]:
    """The results with every time replaced by its estimate; sizes, tokens and quality stay as they are."""
    times = {"latency_p95_ms": estimate.latency, "ttft_p95_ms": estimate.ttft, "itl_p95_ms": estimate.itl}
    return [
        _estimated(result, times[result.name], estimate.cost)
        if result.name in times
        else _no_cold_start(result)
        if result.name == "cold_start_ms"
        else result
        for result in results
    ]


def estimated_verdict(total: Term, limit: float) -> Verdict:
    """A verdict only when both ends of the error bar agree."""
    if total.high_ms <= limit:
        return "pass"
    return "fail" if total.low_ms > limit else "undecided"


def explain(time: TimeEstimate, cost: CostModel) -> str:
    """Both terms with their error bars, in one sentence for people."""
    return (
        f"{time.instructions / 1e6:.4g} M instructions x {cost.cpi:g} ± {cost.cpi_error:g} cycles at"
        f" {cost.clock_ghz:g} GHz = {_bar(time.compute)}; {time.passes} x {time.bytes_read / time.passes / 1e6:.3g} MB"
        f" at {cost.bandwidth_gb_s:g} ± {cost.bandwidth_error_gb_s:g} GB/s = {_bar(time.memory)};"
        f" together {_bar(time.total)}"
    )


def _bar(term: Term) -> str:
    return f"{term.ms:.3g} ms ({term.low_ms:.3g} to {term.high_ms:.3g})"


def _estimated(result: LimitResult, time: TimeEstimate, cost: CostModel) -> LimitResult:
    return LimitResult(
        name=result.name,
        measured=round(time.total.ms, 6),
        limit=result.limit,
        unit=result.unit,
        margin=round((result.limit - time.total.ms) / result.limit, 4),
        verdict=estimated_verdict(time.total, result.limit),
        basis="estimated",
        evidence=explain(time, cost),
    )


def _no_cold_start(result: LimitResult) -> LimitResult:
    return LimitResult(
        name=result.name,
        measured=None,
        limit=result.limit,
        unit=result.unit,
        margin=None,
        verdict="not_measured",
        basis="estimated",
        evidence="a cold start waits for the card, which an emulator does not have; measure it on the board",
    )
