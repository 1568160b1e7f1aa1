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


def test_the_factor_by_hand() -> None:
    """Two processes of 31 requests from 85 % to 115 % of 100 and of 130 ms; t is 6.3138 with one degree of freedom."""
    shares = [0.85 + 0.01 * place for place in range(31)]
    samples = [[100 * share for share in shares], [130 * share for share in shares]]
    # 90 % confidence of a median of 31: 1.645 x sqrt(31) / 2 = 4.6 ranks on either side of 15.5.
    error = math.log(shares[20] / shares[10]) / (2 * 1.645)
    between = math.log(1.3) ** 2 / 2 - error**2
    expected = math.exp(6.3138 * math.sqrt(between * (1 + 1 / 2)))
    assert process_factor(samples, level=0.95) == pytest.approx(expected, rel=1e-4)
    assert process_factor([list(reversed(samples[0])), samples[1]], level=0.95) == pytest.approx(expected, rel=1e-4)


def test_the_factor_of_a_few_requests_uses_all_of_them() -> None:
    """Of four requests the ranks around the median are the first and the last."""
    samples = [[99.0, 100.0, 100.0, 101.0], [149.0, 150.0, 150.0, 151.0]]
    errors = [math.log(high / low) / (2 * 1.645) for low, high in ((99, 101), (149, 151))]
    between = math.log(1.5) ** 2 / 2 - mean(error**2 for error in errors)
    expected = math.exp(6.3138 * math.sqrt(between * 1.5))
    assert process_factor(samples, level=0.95) == pytest.approx(expected, rel=1e-4)


def test_the_factor_has_an_end_and_leaves_out_what_is_no_time() -> None:
    assert process_factor([[1.0, 1.0], [1e9, 1e9]], level=0.95) == pytest.approx(math.exp(10))
    two = process_factor([[1.0, 1.0], [1.1, 1.1]], level=0.95)
    assert two > 1
    assert process_factor([[1.0, 1.0], [0.0, 9.0], [1.1, 1.1], [5.0]], level=0.95) == two
    assert process_factor([[1.0, 1.0], [0.0, 9.0]], level=0.95) == 1.0


def test_a_ratio_that_no_machine_measured_does_not_overflow() -> None:
    found = ratio([1e-300, 1e300], [1e300, 1e-300], lower=0.99, upper=0.99)
    assert (found.lower, found.upper) == (math.exp(-100), math.exp(100))


def test_degrees_of_freedom_are_rounded_down_but_not_to_none() -> None:
    """One side without spread leaves the other's two degrees; both ends have a confidence of their own."""
    old = [math.exp(x) for x in (-1, 0, 1)]
    found = ratio(old, [1.0, 1.0, 1.0], lower=0.95, upper=0.975)
    error = math.sqrt(1 / 3)
    assert math.log(found.lower) == pytest.approx(-2.9200 * error, rel=1e-4)  # t of 2 degrees at 95 %
    assert math.log(found.upper) == pytest.approx(4.3027 * error, rel=1e-4)
