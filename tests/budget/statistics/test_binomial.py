"""The exact binomial decisions, against published sample sizes, exact fractions and simulation."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.statistics.binomial import (
    binomial_cdf,
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
