"""Whether the device stayed the same while it was measured: the promise that the confidence of a p95 rests on.

Two witnesses. A small fixed piece of work runs between the requests, and its processor time rises when the clock goes
down. And the requests themselves: when later ones are slower than earlier ones, or faster, they are not samples of one
distribution, whatever the cause. Single slow requests are no drift, a device may well have a heavy tail; so both look
at many values together, and the requests must also differ by rank beyond chance (Spearman's correlation with time).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist, median, quantiles

MOST_DRIFT = 1.10
"""Slowest over fastest part of the run, above which the device did not stay the same."""
_UNITS = 10
"""Pieces of work in one window at least."""
_CHANCE = 1e-3
"""How often requests that do not drift may seem to by their ranks alone."""


def work_drift(series: Sequence[Sequence[float]]) -> float:
    """Slowest over fastest window of fixed work; one inner sequence a process, in order. 1.0 is a steady clock.

    A window counts with the lower quartile of its times: a neighbour makes some of them slower, a lower clock all.
    """
    windows = []
    for times in series:
        count = max(1, len(times) // _UNITS)
        edges = [len(times) * place // count for place in range(count + 1)]
        windows += [times[start:end] for start, end in pairwise(edges)]
    levels = [_lower_quartile(window) for window in windows if window]
    return max(levels) / min(levels) if levels and min(levels) > 0 else 1.0


def request_drift(latency_ms: Sequence[float]) -> float:
    """Median of the later third of all requests over that of the earlier third, or the inverse: 1.0 or more.

    1.0 too when chance explains it.
    """
    n = len(latency_ms)
    if n < 3 * _UNITS or abs(rank_correlation(latency_ms)) * math.sqrt(n - 1) < NormalDist().inv_cdf(1 - _CHANCE / 2):
        return 1.0
    early, late = median(latency_ms[: n // 3]), median(latency_ms[-(n // 3) :])
    return max(early, late) / min(early, late) if min(early, late) > 0 else math.inf


def rank_correlation(values: Sequence[float]) -> float:
    """Spearman's correlation of the values with their order, -1 to 1; equal values share their mean rank."""
    n = len(values)
    order = sorted(range(n), key=values.__getitem__)
    ranks = [0.0] * n
    start = 0
    while start < n:
        end = start
        while end < n and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + end - 1) / 2
        start = end
    middle = (n - 1) / 2
    covariance = sum((rank - middle) * (place - middle) for place, rank in enumerate(ranks))
    spread = sum((rank - middle) ** 2 for rank in ranks) * sum((place - middle) ** 2 for place in range(n))
    return covariance / math.sqrt(spread) if spread else 0.0


def _lower_quartile(values: Sequence[float]) -> float:
    return min(values) if len(values) < 4 else quantiles(values, n=4)[0]
