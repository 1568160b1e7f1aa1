"""The luck of whole processes: found when it is there, next to nothing when it is not."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from tinylm.budget.statistics.process_variance import process_factor


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
