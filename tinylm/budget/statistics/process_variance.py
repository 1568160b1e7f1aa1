"""Variance between processes: some are faster as a whole than others, and requests of one process share that.

Where memory came to lie, which core it got: a process may be some percent faster or slower for all of its life. Then
124 requests of 4 processes are not 124 independent samples, and a device at its limit would pass far too often (see
`tinylm budget simulate`).

- `process_factor` widens the bounds of a quantile by what is seen of it beyond what the requests inside the processes
  explain: a pass must hold with all requests slower by the factor, a fail with all of them faster. It is the one-way
  random-effects model on the logarithm of the processes' medians (Searle, Casella & McCulloch, Variance Components,
  1992, chapter 3), with Student's t for so few processes. Medians, because a heavy tail would be mistaken for variance
  between processes; the error of a median comes from its order statistics, whatever the distribution.
- `ratio` compares two measurements by one number for each process, with Welch's interval of their logarithms
  (Biometrika 34, 1947, https://doi.org/10.1093/biomet/34.1-2.28): the sides may differ in how many processes they have
  and in how much these differ.

      ratio([3.41, 3.45, 3.40, 3.44], [3.47, 3.43, 3.50, 3.46], lower=0.95, upper=0.95)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

from tinylm.base.student_t import student_quantile

FEWEST_PROCESSES = 2
"""On either side: a single process does not say how much processes differ."""
_MOST_LOG = 100.0
"""Times that no machine measured, in a report that somebody made up, must not overflow."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """New over old."""

    value: float
    lower: float
    """The true ratio is at least this, with the confidence that was asked for."""
    upper: float
    """The true ratio is at most this."""


def ratio(old: Sequence[float], new: Sequence[float], *, lower: float, upper: float) -> Ratio:
    """The ratio of the geometric means of `new` and `old`, one value above 0 for each process; `lower` and `upper` are
    the confidence of either end.

    ValueError for fewer than FEWEST_PROCESSES values on a side.
    """
    if min(len(old), len(new)) < FEWEST_PROCESSES:
        raise ValueError(f"{min(len(old), len(new))} processes; at least {FEWEST_PROCESSES} a side are needed")
    before, after = [math.log(value) for value in old], [math.log(value) for value in new]
    errors = [(variance(side) / len(side), len(side) - 1) for side in (before, after)]
    squared = sum(error for error, _ in errors)
    middle = fmean(after) - fmean(before)
    below = above = 0.0
    if squared > 0:
        degrees = max(1, int(squared**2 / sum(error**2 / freedom for error, freedom in errors)))
        below, above = (student_quantile(level, degrees) * math.sqrt(squared) for level in (lower, upper))
    return Ratio(
        value=math.exp(middle),
        lower=math.exp(max(middle - below, -_MOST_LOG)),
        upper=math.exp(min(middle + above, _MOST_LOG)),
    )


_NINE_TENTHS = 1.645  # Standard errors on either side of a median that 90 % confidence takes.


def process_factor(processes: Sequence[Sequence[float]], *, level: float) -> float:
    """By how much a process to come may be slower than these, at confidence `level`; 1 or more.

    The spread of all processes counts beside the error of these ones' mean, because the p95 over all of them lies
    among the slow ones. 1 with fewer than two processes, which say nothing of it; then no p95 passes
    (`tinylm.budget.judge.times`).
    """
    medians = [math.log(median(values)) for values in processes if len(values) > 1 and min(values) > 0]
    if len(medians) < 2:
        return 1.0
    inside = [_median_error(sorted(values)) ** 2 for values in processes if len(values) > 1 and min(values) > 0]
    between = max(0.0, variance(medians) - sum(inside) / len(inside))
    margin = student_quantile(level, len(medians) - 1) * math.sqrt(between + between / len(medians))
    return math.exp(min(margin, 10.0))


def _median_error(values: Sequence[float]) -> float:
    """Standard error of the logarithm of the median of sorted values, from the order statistics around it."""
    n = len(values)
    reach = _NINE_TENTHS * math.sqrt(n) / 2
    low = max(0, math.floor(n / 2 - reach))
    high = min(n - 1, math.ceil(n / 2 + reach) - 1)
    return math.log(values[high] / values[low]) / (2 * _NINE_TENTHS)
