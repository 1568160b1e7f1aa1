"""Milliseconds of a board from instructions and bytes: arithmetic with its errors, never a measurement.

    ms = instructions x cycles per instruction / clock  +  bytes read / memory bandwidth

Instructions are counted by an emulator, or modelled from the bundle's graph (`instructions.py`), and the model's error
widens the bar. Both factors come from the budget's `[estimate]` with their errors. Nothing here knows
of caches, stalls or a second core, so the two terms are added as if nothing overlapped, and all errors are taken to
fall the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tinylm.base.numerals import number
from tinylm.budget.spec.budget import CostModel
from tinylm.runtime.backends.contract import CHUNK_TOKENS
from tinylm.runtime.measurement.protocol import ProbeResult

INSTRUCTIONS_PER_MS = 1e6
"""Of guest time, when every instruction takes one nanosecond."""
SERVING_ERROR = 0.25
"""Share by which a server's instructions may be fewer than were counted."""
SERVING_SLOWER = 2.0
"""So many times as long they may take at most: on an x86 computer a server's instructions take some five times the
cycles of the fixed work's, most of them waiting for memory (docs/benchmarks.md)."""


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
    """Most that any counted request took, or what the model says."""
    bytes_read: int
    """Weights read from memory: the whole model once a pass."""
    passes: int
    compute: Term
    memory: Term
    total: Term
    serving: Term | None = None
    """What a server does beyond the runtime; None for the runtime alone."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The estimated times of one request, and what they were made from."""

    source: Literal["counted", "modelled"]
    """Whether an emulated board did the request, or a model says what it would take."""
    cost: CostModel
    requests: int
    """That were counted; none for a model."""
    spread: float
    """Largest over smallest instruction count of the requests, less 1; the prompts differ, so it is not 0."""
    instructions_error: float
    """Share by which the instructions may be wrong: that of the model, 0 for a count."""
    latency: TimeEstimate
    ttft: TimeEstimate
    """Reading the prompt and giving the first token."""
    itl: TimeEstimate
    """One token after the first."""


def estimate_counted(
    cost: CostModel,
    processes: Sequence[ProbeResult],
    *,
    model_bytes: int,
    prompt_tokens: int,
    new_tokens: int,
) -> Estimate:
    """Estimate from probes whose clock counts instructions; `processes` hold at least one request."""
    latency = [value for process in processes for value in process.latency_ms]
    ttft = [value for process in processes for value in process.ttft_ms]
    itl = [value for process in processes for value in process.itl_ms]
    reading = reading_passes(prompt_tokens)

    def time(guest_ms: Sequence[float], passes: int) -> TimeEstimate:
        return estimate_time(
            cost, instructions=max(guest_ms) * INSTRUCTIONS_PER_MS, bytes_read=passes * model_bytes, passes=passes
        )

    return Estimate(
        source="counted",
        cost=cost,
        requests=len(latency),
        spread=round(max(latency) / min(latency) - 1, 6),
        instructions_error=0.0,
        latency=time(latency, reading + new_tokens),
        ttft=time(ttft, reading + 1),
        itl=time(itl, 1),
    )


def reading_passes(prompt_tokens: int) -> int:
    """All prompt tokens but the last are read in passes of at most so many; the last one and every new token but the
    last take one pass each."""
    return -(-(prompt_tokens - 1) // CHUNK_TOKENS)


def estimate_time(
    cost: CostModel, *, instructions: float, bytes_read: int, passes: int, instructions_error: float = 0.0
) -> TimeEstimate:
    """The sum of both terms, and its error bar from theirs; the instructions may be wrong by so large a share."""
    cycles_per_ms, bytes_per_ms = cost.clock_ghz * 1e6, cost.bandwidth_gb_s * 1e6
    bytes_error = cost.bandwidth_error_gb_s * 1e6
    compute = Term(
        ms=instructions * cost.cpi / cycles_per_ms,
        low_ms=instructions * (1 - instructions_error) * (cost.cpi - cost.cpi_error) / cycles_per_ms,
        high_ms=instructions * (1 + instructions_error) * (cost.cpi + cost.cpi_error) / cycles_per_ms,
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


def with_serving(time: TimeEstimate, cost: CostModel, *, instructions: float) -> TimeEstimate:
    """The time with what a server does: so many instructions, in which the caches help less than in the engine's loops
    and which other versions of Python and of the HTTP library take more or fewer of."""
    a_cycle = instructions / (cost.clock_ghz * 1e6)
    term = Term(
        ms=a_cycle * cost.cpi,
        low_ms=a_cycle * (cost.cpi - cost.cpi_error) * (1 - SERVING_ERROR),
        high_ms=a_cycle * (cost.cpi + cost.cpi_error) * SERVING_SLOWER,
    )
    total = Term(
        ms=time.total.ms + term.ms,
        low_ms=time.total.low_ms + term.low_ms,
        high_ms=time.total.high_ms + term.high_ms,
    )
    return replace(time, serving=term, total=total)


def explain(time: TimeEstimate, estimate: Estimate) -> str:
    """Both terms with their error bars, in one sentence for people."""
    cost, error = estimate.cost, estimate.instructions_error
    modelled = "" if estimate.source == "counted" else f" modelled (± {100 * error:.0f} %)"
    return (
        f"{time.instructions / 1e6:.4g} M{modelled} instructions x {cost.cpi:g} ± {cost.cpi_error:g} cycles at"
        f" {cost.clock_ghz:g} GHz = {_bar(time.compute)}; {time.passes} x {time.bytes_read / time.passes / 1e6:.3g} MB"
        f" at {cost.bandwidth_gb_s:g} ± {cost.bandwidth_error_gb_s:g} GB/s = {_bar(time.memory)};"
        f"{'' if time.serving is None else f' what a server does beyond that = {_bar(time.serving)};'}"
        f" together {_bar(time.total)}"
    )


def _bar(term: Term) -> str:
    return f"{number(term.ms)} ms ({number(term.low_ms)} to {number(term.high_ms)})"
