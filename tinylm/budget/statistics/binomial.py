"""Exact binomial confidence for quantiles of latency, without assuming any distribution.

"p95 <= limit" means that a request exceeds the limit with probability at most 5 %. Of `n` independent requests `over`
exceed it, which is binomial; so both verdicts are exact one-sided tests (Clopper & Pearson 1934,
https://doi.org/10.1093/biomet/26.4.404), the same as comparing the limit with order-statistic bounds of the quantile
(David & Nagaraja, Order Statistics, 3rd ed., section 7.1):

    pass        P(at most `over` of n | 5 %) <= 1 - level        else
    fail        P(at least `over` of n | 5 %) <= 1 - level       else
    undecided

Reading the 95th of 100 sorted samples instead would pass a device exactly at the limit every other time. The level
holds for one look at `n` samples; `sequential.py` shares it among several.
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


def binomial_probabilities(n: int, probability: float) -> tuple[float, ...]:
    """P(X = k) for k from 0 to `n`, as long as it is more than 1e-18; the last ones are left out below that."""
    log_p, log_q = math.log(probability), math.log1p(-probability)
    found: list[float] = []
    for k in range(n + 1):
        log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_p + (n - k) * log_q
        value = math.exp(log)
        if value < 1e-18 and k > n * probability:
            break
        found.append(value)
    return tuple(found)


def fewest_requests(*, over: int, quantile: float, level: float) -> int:
    """The fewest requests of which `over` may exceed the limit while the verdict is still `pass`."""
    n = over + 1
    while binomial_cdf(over, n, 1 - quantile) > 1 - level:
        n += 1
    return n


def observed(samples: Sequence[float], quantile: float) -> float:
    """The sample that a share `quantile` of all samples does not exceed (nearest rank); a description, no guarantee."""
    if not samples:
        raise ValueError("a quantile of no samples was asked for")
    # The rounding keeps 0.95 x 100 = 95.00000000000001 from becoming rank 96.
    rank = math.ceil(round(quantile * len(samples), 9))
    return sorted(samples)[max(rank, 1) - 1]
