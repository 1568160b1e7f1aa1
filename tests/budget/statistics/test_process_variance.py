"""Processes that differ as a whole: found where they do, and the interval of a ratio, against its closed form."""

from __future__ import annotations

import math
import random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.student_t import student_quantile
from tinylm.budget.statistics.process_variance import process_factor, ratio


def processes(luck: float, *, count: int, seed: int) -> list[list[float]]:
    """31 requests in each, spread by 5 % inside."""
    rng = random.Random(seed)
    return [
        [100 * share * rng.gauss(1, 0.05) for _ in range(31)] for share in (rng.gauss(1, luck) for _ in range(count))
    ]


def test_without_luck_the_factor_is_small() -> None:
    factors = [process_factor(processes(0.0, count=4, seed=seed), level=0.95) for seed in range(200)]
    assert min(factors) == 1.0
    assert mean(factors) < 1.01


@pytest.mark.parametrize("luck", [0.03, 0.1])
def test_luck_is_covered_as_often_as_declared(luck: float) -> None:
    """The mean luck of four processes is better than the factor allows in 5 % of all cases."""
    rng = random.Random(1)
    runs, missed = 400, 0
    for _ in range(runs):
        shares = [rng.gauss(1, luck) for _ in range(4)]
        samples = [[100 * share * rng.gauss(1, 0.05) for _ in range(31)] for share in shares]
        missed += mean(shares) * process_factor(samples, level=0.95) < 1
    # 5 % and four standard errors; the estimate of the variance is a little low when the luck is small.
    assert missed / runs < 0.05 + 4 * (0.05 * 0.95 / runs) ** 0.5


def test_a_heavy_tail_is_no_luck() -> None:
    rng = random.Random(2)
    heavy = [[rng.paretovariate(1.2) for _ in range(31)] for _ in range(4)]
    assert process_factor(heavy, level=0.95) < 2.5  # the requests themselves differ by more than 20 times


def test_one_process_says_nothing_of_luck() -> None:
    assert process_factor([[1.0, 2.0, 3.0]], level=0.95) == 1.0
    assert process_factor([], level=0.95) == 1.0
    assert process_factor([[1.0], [2.0]], level=0.95) == 1.0


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
