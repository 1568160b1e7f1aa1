"""Limits on another machine than the budget's device: its milliseconds are no verdict on the board.

Memory, bytes, tokens and quality travel, and stay as they are (`indicative`). A time becomes the board's estimate, and
is `not_measured` where there is none. A cold start and minutes of load are the board's own: its card, its heat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinylm.budget.estimate.estimate import Estimate, Term, explain
from tinylm.budget.judge.verdict import LimitResult, Verdict

_ONLY_THERE = {
    "cold_start_ms": "a cold start waits for the board's own card",
    "sustained_p95_ms": "minutes of load heat the board and not this machine",
}


def judge_elsewhere(results: Sequence[LimitResult], estimate: Estimate | None, *, why_not: str) -> list[LimitResult]:
    """The results with every time replaced by its estimate, or by `why_not` there is none."""
    return [_judged(result, estimate, why_not) for result in results]


def _judged(result: LimitResult, estimate: Estimate | None, why_not: str) -> LimitResult:
    if result.name in _ONLY_THERE:
        return _unsaid(result, f"{_ONLY_THERE[result.name]}; measure it on the board")
    if not result.name.endswith("_p95_ms"):
        return result
    if estimate is None:
        return _unsaid(result, f"not estimated: {why_not}")
    time = {"latency_p95_ms": estimate.latency, "ttft_p95_ms": estimate.ttft, "itl_p95_ms": estimate.itl}[result.name]
    verdict = estimated_verdict(time.total, result.limit)
    crossed = "; the limit lies in the error bar: only the board decides, run this check there"
    return replace(
        result,
        measured=round(time.total.ms, 6),
        low=round(time.total.low_ms, 6),
        high=round(time.total.high_ms, 6),
        margin=round((result.limit - time.total.ms) / result.limit, 4),
        verdict=verdict,
        basis="estimated",
        evidence=explain(time, estimate) + (crossed if verdict == "undecided" else ""),
        void=None,
    )


def estimated_verdict(total: Term, limit: float) -> Verdict:
    """A verdict only when both ends of the error bar agree."""
    if total.high_ms <= limit:
        return "pass"
    return "fail" if total.low_ms > limit else "undecided"


def _unsaid(result: LimitResult, reason: str) -> LimitResult:
    """Nothing is known of it, whatever this machine's clock said."""
    return replace(
        result, measured=None, margin=None, verdict="not_measured", basis="estimated", evidence=reason, void=None
    )
