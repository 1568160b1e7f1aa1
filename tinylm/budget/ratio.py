"""By which factor times changed between two measurements, with an interval that knows what a process's luck is.

Requests of one process share its luck: where its memory lies, which core it got. So 124 requests of 4 processes are not
124 independent observations, nor are their pairs. The interval comes from two bootstraps (Davison & Hinkley, Bootstrap
Methods and their Application, 1997, section 3.8): one draws processes with replacement and then requests of each, the
other only requests. What the first one varies more is luck of processes, known from few of them; so the spread of the
logarithm is multiplied by Student's t for as many degrees of freedom as the two parts together have (Satterthwaite
1946, https://doi.org/10.2307/3002019). A plain percentile interval of 4 processes would be too narrow.

    ratios(old, new, paired=True, quantiles=(0.95, 0.5), level=0.95)

Paired, request n of the old is drawn together with request n of the new: what is slow about a prompt cancels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev

from tinylm.budget.statistics import observed

RESAMPLES = 500
"""Of either bootstrap: enough to know a spread within about 3 %."""
FEWEST_PROCESSES = 2
"""On either side: a single process does not say how much luck differs."""

Processes = Sequence[Sequence[float]]
"""Times of the requests, one inner sequence a process; all above 0."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """New over old."""

    value: float
    lower: float
    """The true ratio is at least this, with the confidence that was asked for."""
    upper: float
    """The true ratio is at most this, with the same confidence again."""


def ratios(
    old: Processes, new: Processes, *, paired: bool, quantiles: Sequence[float], level: float, seed: int = 0
) -> tuple[Ratio, ...]:
    """The ratio of each quantile, new over old; the same input gives the same result.

    `paired` needs the same processes and requests in both, in the same order. ValueError for fewer than
    FEWEST_PROCESSES processes on a side, or for a process without requests.
    """
    fewest = min(len(old), len(new))
    if fewest < FEWEST_PROCESSES or not all(map(len, (*old, *new))):
        raise ValueError(f"{fewest} processes with requests; at least {FEWEST_PROCESSES} a side are needed")
    rng = random.Random(seed)
    requests = _spreads(old, new, rng, paired=paired, processes=False, quantiles=quantiles)
    everything = _spreads(old, new, rng, paired=paired, processes=True, quantiles=quantiles)
    of_processes = fewest - 1 if paired else len(old) + len(new) - 2
    before, after = [value for one in old for value in one], [value for one in new for value in one]
    result = []
    for quantile, inner, whole in zip(quantiles, requests, everything, strict=True):
        value = observed(after, quantile) / observed(before, quantile)
        degrees = _degrees(inner, whole, of_processes=of_processes, of_requests=min(len(before), len(after)) - 1)
        # Times that no machine measured, in a report that somebody made up, must not overflow.
        margin = math.exp(min(student_quantile(level, degrees) * max(inner, whole), 100.0))
        result.append(Ratio(value=value, lower=value / margin, upper=value * margin))
    return tuple(result)


def _spreads(
    old: Processes, new: Processes, rng: random.Random, *, paired: bool, processes: bool, quantiles: Sequence[float]
) -> list[float]:
    """Standard deviation of the logarithm of each quantile's ratio; `processes` are drawn too, or requests alone."""
    logs: list[list[float]] = [[] for _ in quantiles]
    for _ in range(RESAMPLES):
        before, after = _draw(old, new if paired else None, rng, processes=processes)
        if not paired:
            after = _draw(new, None, rng, processes=processes)[0]
        for found, quantile in zip(logs, quantiles, strict=True):
            found.append(math.log(observed(after, quantile) / observed(before, quantile)))
    return [stdev(found) for found in logs]


def _draw(
    times: Processes, partners: Processes | None, rng: random.Random, *, processes: bool
) -> tuple[list[float], list[float]]:
    """One resample of the times, and of the same places of their partners when there are any."""
    drawn: list[float] = []
    others: list[float] = []
    numbers = range(len(times))
    for number in rng.choices(numbers, k=len(times)) if processes else numbers:
        one = times[number]
        if partners is None:
            drawn += rng.choices(one, k=len(one))
        else:
            places = rng.choices(range(len(one)), k=len(one))
            drawn += [one[place] for place in places]
            others += [partners[number][place] for place in places]
    return drawn, others


def _degrees(inner: float, whole: float, *, of_processes: int, of_requests: int) -> int:
    """Satterthwaite's degrees of freedom of a variance that is the sum of two."""
    within, between = inner**2, max(whole**2 - inner**2, 0.0)
    weight = between**2 / of_processes + within**2 / of_requests
    return of_requests if weight == 0 else max(1, min(int((within + between) ** 2 / weight), of_requests))


def student_quantile(level: float, degrees: int) -> float:
    """Below which Student's t with so many degrees of freedom is with probability `level`, 0.5 to below 1."""
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
