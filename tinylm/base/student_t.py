"""Student's t distribution, for whole degrees of freedom."""

from __future__ import annotations

import math
from functools import cache


@cache
def student_quantile(level: float, degrees: int) -> float:
    """What t with so many degrees of freedom is below with probability `level`, 0.5 to below 1."""
    low, high = 0.0, 1.0
    while _student_cdf(high, degrees) < level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_cdf(middle, degrees) < level else (low, middle)
    return high


def _student_cdf(t: float, degrees: int) -> float:
    """For whole degrees of freedom and t >= 0 (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(angle)
    odd = degrees % 2
    term = total = cosine if odd else 1.0
    for k in range(3 if odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if odd:
        inside = angle + (math.sin(angle) * total if degrees > 1 else 0.0)
        return 0.5 + inside / math.pi
    return 0.5 + math.sin(angle) * total / 2
