"""What the requests' times say of a quantile: description, exact bounds, and how many more would decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinylm.budget.spec.budget import QUANTILE, Confidence
from tinylm.budget.statistics.binomial import Decision, observed
from tinylm.budget.statistics.process_variance import process_factor
from tinylm.budget.statistics.sequential import Boundary, more_requests


@dataclass(frozen=True, kw_only=True)
class TimeSummary:
    """One kind of time, over all counted requests; ms."""

    name: str
    """The limit that it is about, such as `latency_p95_ms`, whether or not the budget sets it."""
    requests: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    worst: float
    lower: float | None
    """The true p95 is at least this; None when there are too few requests to say."""
    upper: float | None
    """The true p95 is at most this."""
    level: float
    """Confidence of either bound, all looks together."""
    processes: int
    """That the requests were spread over: with one alone nothing is known of the luck of processes, nor decided."""
    luck: float
    """The bounds are so many times wider, because processes were faster or slower as a whole."""
    limit: float | None
    over: int | None
    """Requests over the limit."""
    most_over: int | None
    """So many may be over it for a pass at this look, with every request slower by `luck`."""
    decision: Decision | None
    """What the requests alone say of the limit, the surroundings aside."""
    more_requests: int | None
    """About so many more would decide at the share over the limit that was seen; None when it is decided, or when no
    number that anyone would wait for is likely to."""


def summarise_times(
    name: str, processes: Sequence[Sequence[float]], *, limit: float | None, confidence: Confidence
) -> TimeSummary | None:
    """Describe the processes' samples and decide on the limit, when there is one; None without samples."""
    samples = [value for process in processes for value in process]
    if not samples:
        return None
    n = len(samples)
    edge = next((edge for edge in confidence.boundaries() if edge.n == n), Boundary(n, None, None))
    luck = process_factor(processes, level=1 - (1 - confidence.level) / len(confidence.looks))
    lower, upper = edge.lower_bound(samples), edge.upper_bound(samples)
    over = decision = more = None
    if limit is not None:
        over = sum(value > limit for value in samples)
        unlucky, lucky = sum(value * luck > limit for value in samples), sum(value / luck > limit for value in samples)
        decision = _decide(edge, unlucky=unlucky, lucky=lucky) if len(processes) > 1 else "undecided"
        if decision == "undecided":
            nearer = unlucky if over < (1 - QUANTILE) * n else lucky
            more = more_requests(over=nearer, n=n, looks=confidence.looks, quantile=QUANTILE, level=confidence.level)
            more = more or None  # the requests would decide already: it is the variance between processes that does not
    p50, p90, p95, p99 = (observed(samples, quantile) for quantile in (0.5, 0.9, QUANTILE, 0.99))
    return TimeSummary(
        name=name,
        requests=n,
        mean=round(sum(samples) / n, 3),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        worst=max(samples),
        lower=None if lower is None else round(lower / luck, 4),
        upper=None if upper is None else round(upper * luck, 4),
        level=confidence.level,
        processes=len(processes),
        luck=round(luck, 4),
        limit=limit,
        over=over,
        most_over=edge.most_over,
        decision=decision,
        more_requests=more,
    )


def _decide(edge: Boundary, *, unlucky: int, lucky: int) -> Decision:
    """A pass must hold with all requests slower by the luck of the processes, a fail with all of them faster."""
    if edge.decide(over=unlucky) == "pass":
        return "pass"
    return "fail" if edge.decide(over=lucky) == "fail" else "undecided"


def explain(summary: TimeSummary) -> str:
    """The evidence on a limit, in one sentence for people."""
    low, high = ("unknown" if end is None else f"{end:.3g} ms" for end in (summary.lower, summary.upper))
    most = summary.most_over
    allowed = "even 0 would be too many so early" if most is None else f"at most {most} may be"
    wider = "" if summary.luck < 1.001 else f", {100 * (summary.luck - 1):.0f} % of it for the luck of whole processes"
    more = ""
    if summary.processes < 2:
        more = "; they were all of one process, whose luck nobody knows: two are needed"
    elif summary.decision == "undecided":
        more = (
            "; no number of requests is likely to decide, as the p95 is at the limit"
            if summary.more_requests is None
            else f"; about {summary.more_requests} more would decide"
        )
    return (
        f"p95 from {low} to {high}, either end with {100 * summary.level:.4g} % confidence{wider}; {summary.over} of"
        f" {summary.requests} requests were over the limit, {allowed}{more}"
    )
