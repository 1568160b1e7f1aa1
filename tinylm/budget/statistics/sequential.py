"""When to stop measuring: a pass, a fail or one more look, with the error of all looks together under the level.

Whoever tests after every request and stops at the first success passes a device exactly at its limit 23 times in 100
instead of 5 (cap 1000). So the looks are declared beforehand and share the error 1 - level: after look k of K at most
k / K of it has been spent, and what a look leaves over, because counts are whole numbers, the next ones have. The
probabilities are exact: the binomial distribution of the requests over the limit is carried from look to look without
the paths that stopped (Jennison & Turnbull, Group Sequential Methods, 2000, chapter 12).

    edges = boundaries((124, 250, 500), quantile=0.95, level=0.95)
    edges[0].decide(over=1)                      # after 124 requests

Each side is computed as if the other one never stopped, which can only make its error smaller.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinylm.budget.statistics.binomial import Decision, binomial_probabilities, fewest_requests


@dataclass(frozen=True)
class Boundary:
    """What a number of requests over the limit means at one look."""

    n: int
    """Requests so far."""
    most_over: int | None
    """At most so many may be over the limit for a pass; None when not even 0 is enough."""
    fewest_over: int | None
    """From so many on it is a fail; None when no number is enough."""

    def decide(self, *, over: int) -> Decision:
        """What so many requests over the limit mean at this look."""
        if self.most_over is not None and over <= self.most_over:
            return "pass"
        if self.fewest_over is not None and over >= self.fewest_over:
            return "fail"
        return "undecided"

    def upper_bound(self, samples: Sequence[float]) -> float | None:
        """The quantile is at most this one of the `n` samples: all looks' bounds hold together with the level.

        The look passes exactly when this is not over the limit. None when there are too few samples to say.
        """
        return None if self.most_over is None else sorted(samples)[self.n - 1 - self.most_over]

    def lower_bound(self, samples: Sequence[float]) -> float | None:
        """The quantile is at least this sample; the look fails exactly when this is over the limit."""
        return None if self.fewest_over is None else sorted(samples)[self.n - self.fewest_over]


@functools.cache
def boundaries(looks: tuple[int, ...], *, quantile: float, level: float) -> tuple[Boundary, ...]:
    """The boundary of every look; `looks` are rising numbers of requests.

    For a device whose quantile lies exactly at the limit, the probability that any look passes is at most 1 - level,
    and so is the probability that any look fails; farther over or under the limit it is smaller still.
    """
    error, exceeding = 1 - level, 1 - quantile
    # Probability of each number over the limit, at a device exactly at it, among the paths that have not stopped.
    passing, failing = [1.0], [1.0]
    passed = failed = 0.0
    found, before = [], 0
    for number, n in enumerate(looks, start=1):
        step = binomial_probabilities(n - before, exceeding)
        passing, failing = _convolve(passing, step), _convolve(failing, step)
        may_spend = error * number / len(looks)

        most, spent = -1, passed
        while most + 1 < len(passing) and spent + passing[most + 1] <= may_spend:
            most += 1
            spent += passing[most]
        passed = spent

        # The tail is summed from its far end, so that small probabilities keep their digits.
        fewest, spent = len(failing), failed
        while fewest > 0 and spent + failing[fewest - 1] <= may_spend:
            fewest -= 1
            spent += failing[fewest]
        failed = spent

        found.append(Boundary(n, None if most < 0 else most, None if fewest > n else fewest))
        passing[: most + 1] = [0.0] * (most + 1)
        failing[fewest:] = [0.0] * (len(failing) - fewest)
        before = n
    return tuple(found)


def fewest_for_a_pass(*, looks: int, quantile: float, level: float) -> int:
    """The smallest first of so many looks at which a pass is possible at all."""
    return fewest_requests(over=0, quantile=quantile, level=1 - (1 - level) / looks)


MOST_REQUESTS = 100_000
"""Beyond this nobody waits for an answer."""


def more_requests(*, over: int, n: int, looks: tuple[int, ...], quantile: float, level: float) -> int | None:
    """How many more requests would probably decide, if the share over the limit stays what it is.

    At the next declared look that would decide; beyond the declared ones, at a single look of that size. None when even
    MOST_REQUESTS would not: the quantile is at the limit, as far as anyone can tell.
    """
    for edge in boundaries(looks, quantile=quantile, level=level):
        if edge.n > n and edge.decide(over=_expected(over, n, edge.n)) != "undecided":
            return edge.n - n
    high = max(n, looks[-1])
    while not _single(over, n, high, quantile, level):
        if high >= MOST_REQUESTS:
            return None
        high = min(2 * high, MOST_REQUESTS)
    low = max(n, high // 2)
    while high - low > max(1, low // 50):  # 2 % is closer than the share is known
        middle = (low + high) // 2
        low, high = (low, middle) if _single(over, n, middle, quantile, level) else (middle, high)
    return high - n


def _single(over: int, n: int, size: int, quantile: float, level: float) -> bool:
    """Whether one look at `size` requests would decide at the share over the limit that was seen."""
    exceeding, expected = 1 - quantile, _expected(over, n, size)
    # A normal approximation is enough for advice; the exact test decides when the requests are there.
    spread = math.sqrt(size * exceeding * (1 - exceeding))
    return abs(expected - size * exceeding) > _normal_quantile(level) * spread + 0.5


def _expected(over: int, n: int, size: int) -> int:
    return round(over / n * size)


def _normal_quantile(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(level)


def _convolve(left: list[float], right: Sequence[float]) -> list[float]:
    """The distribution of the sum; terms that cannot matter are skipped."""
    result = [0.0] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        if a > 1e-18:
            for j, b in enumerate(right):
                result[i + j] += a * b
    return result
