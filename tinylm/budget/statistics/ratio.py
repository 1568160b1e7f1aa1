"""By which factor times changed between two measurements, with an interval that knows what a process's luck is.

Requests of one process share its luck: where its memory lies, which core it got. So 124 requests of 4 processes are not
124 observations but 4, each with one number: a quantile of its times. The two sides are compared by their logarithms,
with Welch's interval (Biometrika 34, 1947, https://doi.org/10.1093/biomet/34.1-2.28): the sides may differ in how many
processes they have and in how much these differ.

    ratio([3.41, 3.45, 3.40, 3.44], [3.47, 3.43, 3.50, 3.46], lower=0.95, upper=0.95)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from tinylm.base.student_t import student_quantile

FEWEST_PROCESSES = 2
"""On either side: a single process does not say how much luck differs."""
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
