"""The interval for a ratio of times, against its closed form and on simulated processes whose truth is known."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.student_t import student_quantile
from tinylm.budget.statistics.ratio import ratio


def test_welch_by_hand() -> None:
    """Logarithms 0, 2, 4 and 1, 2: means 2 and 1.5, squared errors 4/3 and 1/4, 2.6 degrees of freedom."""
    found = ratio([math.exp(x) for x in (0, 2, 4)], [math.exp(x) for x in (1, 2)], lower=0.95, upper=0.95)
    margin = student_quantile(0.95, 2) * math.sqrt(4 / 3 + 1 / 4)
    assert math.log(found.value) == pytest.approx(-0.5)
    assert math.log(found.lower) == pytest.approx(-0.5 - margin)
    assert math.log(found.upper) == pytest.approx(-0.5 + margin)


@pytest.mark.parametrize(("before", "after"), [(4, 4), (4, 16), (2, 8)])
def test_either_end_misses_as_often_as_it_may(before: int, after: int) -> None:
    rng, runs = random.Random(3), 1500
    missed = {"lower": 0, "upper": 0}
    for _ in range(runs):
        old = [math.exp(rng.gauss(0, 0.05)) for _ in range(before)]
        new = [1.1 * math.exp(rng.gauss(0, 0.1)) for _ in range(after)]
        found = ratio(old, new, lower=0.95, upper=0.95)
        missed["lower"] += found.lower > 1.1
        missed["upper"] += found.upper < 1.1
    # 5 % each; and 4 standard deviations of chance in so many runs.
    most = 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)
    assert max(missed.values()) / runs <= most


def test_equal_processes_leave_no_doubt() -> None:
    found = ratio([2.0, 2.0], [3.0, 3.0], lower=0.95, upper=0.95)
    assert (found.lower, found.upper) == pytest.approx((1.5, 1.5))


@pytest.mark.parametrize("sides", [([1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0]), ([], [])])
def test_too_little_to_say_anything(sides: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="at least 2 a side"):
        ratio(*sides, lower=0.95, upper=0.95)


_times = st.lists(st.floats(1e-6, 1e9), min_size=2, max_size=6)


@given(_times, _times, st.floats(0.5, 0.999), st.floats(1e-3, 1e3))
def test_the_interval_holds_the_ratio_and_scales(
    old: list[float], new: list[float], level: float, scale: float
) -> None:
    found = ratio(old, new, lower=level, upper=level)
    assert 0 <= found.lower <= found.value * (1 + 1e-9)
    assert found.value <= found.upper * (1 + 1e-9)
    other = ratio(old, [scale * value for value in new], lower=level, upper=level)
    assert other.value == pytest.approx(scale * found.value)
    swapped = ratio(new, old, lower=level, upper=level)
    assert math.log(swapped.value) == pytest.approx(-math.log(found.value), abs=1e-6)
