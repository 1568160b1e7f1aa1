"""Exact binomial confidence for quantiles of latency, without assuming any distribution.

"p95 <= limit" means that a request exceeds the limit with probability at most 5 %. Of `n` independent requests `over`
exceed it, which is binomial; so both verdicts are exact one-sided tests (Clopper & Pearson 1934,
https://doi.org/10.1093/biomet/26.4.404), the same as comparing the limit with order-statistic bounds of the quantile
(David & Nagaraja, Order Statistics, 3rd ed., section 7.1):

    pass        P(at most `over` of n | 5 %) <= 1 - level        else
    fail        P(at least `over` of n | 5 %) <= 1 - level       else
    undecided

Reading the 95th of 100 sorted samples instead would pass a device exactly at the limit every other time. The level
holds for one look at `n` samples; whoever looks several times passes a level for each (see `Confidence.look_level`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Decision = Literal["pass", "fail", "undecided"]


def binomial_cdf(successes: int, n: int, probability: float) -> float:
    """P(X <= successes) for X binomial; `probability` strictly between 0 and 1. Relative error below 1e-10."""
    if successes >= n:
        return 1.0
    log_p, log_q = math.log(probability), math.log1p(-probability)
    # Logarithms, because comb(n, i) overflows a float from n = 1030 on.
    terms = (
        math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q)
        for i in range(successes + 1)
    )
    return min(1.0, math.fsum(terms))


def binomial_tail(successes: int, n: int, probability: float) -> float:
    """P(X >= successes), summed from its own side so that small tails keep their digits."""
    return binomial_cdf(n - successes, n, 1 - probability)


def decide(*, over: int, n: int, quantile: float, level: float) -> Decision:
    """Whether the `quantile` lies at or under a limit that `over` of `n` requests exceeded, at confidence `level`."""
    exceeding = 1 - quantile
    if binomial_cdf(over, n, exceeding) <= 1 - level:
        return "pass"
    if binomial_tail(over, n, exceeding) <= 1 - level:
        return "fail"
    return "undecided"


def fewest_requests(*, over: int, quantile: float, level: float) -> int:
    """The fewest requests of which `over` may exceed the limit while the verdict is still `pass`."""
    n = over + 1
    while binomial_cdf(over, n, 1 - quantile) > 1 - level:
        n += 1
    return n


def most_over(*, n: int, quantile: float, level: float) -> int | None:
    """How many of `n` requests may exceed the limit for a `pass`; None when `n` is too small for any verdict."""
    over = -1
    while binomial_cdf(over + 1, n, 1 - quantile) <= 1 - level:
        over += 1
    return None if over < 0 else over


def upper_bound(samples: Sequence[float], *, quantile: float, level: float) -> float | None:
    """The quantile is at most this sample, at confidence `level`; None when there are too few samples to say."""
    over = most_over(n=len(samples), quantile=quantile, level=level)
    return None if over is None else sorted(samples)[len(samples) - 1 - over]


def lower_bound(samples: Sequence[float], *, quantile: float, level: float) -> float | None:
    """The quantile is at least this sample, at confidence `level`; None when there are too few samples to say.

    The verdict is `fail` exactly when this bound lies over the limit, and `pass` exactly when `upper_bound` does not.
    """
    n = len(samples)
    over = next((k for k in range(n + 1) if binomial_tail(k, n, 1 - quantile) <= 1 - level), None)
    return None if over is None else sorted(samples)[n - over]


def observed(samples: Sequence[float], quantile: float) -> float:
    """The sample that a share `quantile` of all samples does not exceed (nearest rank); a description, no guarantee."""
    if not samples:
        raise ValueError("a quantile of no samples was asked for")
    # The rounding keeps 0.95 x 100 = 95.00000000000001 from becoming rank 96.
    rank = math.ceil(round(quantile * len(samples), 9))
    return sorted(samples)[max(rank, 1) - 1]
