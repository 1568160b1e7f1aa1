"""The luck of a process: some are faster as a whole than others, and requests of one process share it.

Where memory came to lie, which core it got: a process may be some percent faster or slower for all of its life. Then
124 requests of 4 processes are not 124 independent samples, and a device at its limit would pass far too often (see
`tinylm budget simulate`). What is seen of that luck, beyond what the requests inside the processes explain, widens the
bounds: a pass must hold with all requests slower by the factor, a fail with all of them faster.

The estimate is the one-way random-effects model on the logarithm of the processes' medians (Searle, Casella &
McCulloch, Variance Components, 1992, chapter 3), with Student's t for so few processes. Medians, because a heavy tail
would be mistaken for luck; the error of a median comes from its order statistics, whatever the distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median, variance

from tinylm.base.student_t import student_quantile

_NINE_TENTHS = 1.645  # Standard errors on either side of a median that 90 % confidence takes.


def process_factor(processes: Sequence[Sequence[float]], *, level: float) -> float:
    """By how much a process to come may be slower than these, at confidence `level`; 1 or more.

    The spread of all processes counts beside the error of these ones' mean, because the p95 over all of them lies
    where the unlucky ones are. 1 with fewer than two processes: nobody knows then, and a p95 does not pass
    (`times.py`).
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
