"""The exact binomial decisions, against published sample sizes, exact fractions and simulation."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.statistics.binomial import (
    binomial_cdf,
    binomial_probabilities,
    fewest_requests,
    observed,
)

P95 = 0.95


@pytest.mark.parametrize(
    ("level", "over", "fewest"),
    [
        (0.95, 0, 59),
        (0.95, 1, 93),
        (0.95, 2, 124),
        (0.95, 5, 208),
        (0.95, 10, 336),
        (0.99, 0, 90),
        (0.99, 1, 130),
        (0.99, 2, 165),
        (0.99, 5, 259),
        (0.99, 10, 398),
    ],
)
def test_fewest_requests_for_a_pass(level: float, over: int, fewest: int) -> None:
    assert fewest_requests(over=over, quantile=P95, level=level) == fewest
    assert binomial_cdf(over, fewest, 0.05) <= 1 - level < binomial_cdf(over, fewest - 1, 0.05)


@given(st.integers(1, 60), st.data())
def test_binomial_against_exact_fractions(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    p = Fraction(data.draw(st.integers(1, 99)), 100)
    exact = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
    # Of lgamma and exp, a few units in the last place times the exponent; 1e-10 is what the docstring promises.
    assert binomial_cdf(k, n, float(p)) == pytest.approx(float(sum(exact[: k + 1])), rel=1e-10)


def test_binomial_of_many_requests_does_not_overflow() -> None:
    # comb(20000, 1000) is far beyond the largest float; near its mean the distribution is half on either side.
    assert 0.45 < binomial_cdf(1000, 20_000, 0.05) < 0.55


@pytest.mark.parametrize(("quantile", "expected"), [(0.5, 50), (0.9, 90), (0.95, 95), (0.99, 99)])
def test_observed_is_the_nearest_rank(quantile: float, expected: float) -> None:
    samples = [float(value) for value in range(100, 0, -1)]
    assert observed(samples, quantile) == expected
    assert observed([7.0], quantile) == 7.0


def test_observed_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        observed([], 0.95)


@pytest.mark.parametrize(("n", "probability"), [(0, 0.05), (1, 0.5), (20, 0.05), (124, 0.05), (40, 0.9)])
def test_probabilities_of_every_number(n: int, probability: float) -> None:
    exact = [math.comb(n, k) * probability**k * (1 - probability) ** (n - k) for k in range(n + 1)]
    found = binomial_probabilities(n, probability)
    assert found == pytest.approx(exact[: len(found)], rel=1e-9)
    assert all(value < 1e-18 for value in exact[len(found) :])  # what is left out


def test_the_distribution_ends_at_one() -> None:
    assert binomial_cdf(5, 5, 0.3) == binomial_cdf(6, 5, 0.3) == 1.0
    assert binomial_cdf(0, 5, 0.3) == pytest.approx(0.7**5)


def test_observed_of_few() -> None:
    assert [observed([1.0, 2.0, 3.0, 4.0], quantile) for quantile in (0.0, 0.25, 0.26, 0.5, 0.75, 1.0)] == [
        1,
        1,
        2,
        2,
        3,
        4,
    ]
