"""The exact binomial decisions, against published sample sizes, exact fractions and simulation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.spec import Confidence
from tinylm.budget.statistics import (
    binomial_cdf,
    binomial_tail,
    decide,
    fewest_requests,
    lower_bound,
    most_over,
    observed,
    upper_bound,
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
    assert most_over(n=fewest, quantile=P95, level=level) == over
    assert decide(over=over, n=fewest, quantile=P95, level=level) == "pass"
    assert decide(over=over, n=fewest - 1, quantile=P95, level=level) != "pass"
    assert decide(over=over + 1, n=fewest, quantile=P95, level=level) != "pass"


@given(st.integers(1, 60), st.data())
def test_binomial_against_exact_fractions(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    p = Fraction(data.draw(st.integers(1, 99)), 100)
    exact = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
    # Of lgamma and exp, a few units in the last place times the exponent; 1e-10 is what the docstring promises.
    assert binomial_cdf(k, n, float(p)) == pytest.approx(float(sum(exact[: k + 1])), rel=1e-10)
    assert binomial_tail(k, n, float(p)) == pytest.approx(float(sum(exact[k:])), rel=1e-10)


def test_binomial_of_many_requests_does_not_overflow() -> None:
    # comb(20000, 1000) is far beyond the largest float; near its mean the distribution is half on either side.
    assert 0.45 < binomial_cdf(1000, 20_000, 0.05) < 0.55


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=300),
    st.floats(0, 1000),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_decision_is_the_comparison_of_the_bounds(
    samples: list[float], limit: float, quantile: float, level: float
) -> None:
    over = sum(sample > limit for sample in samples)
    decision = decide(over=over, n=len(samples), quantile=quantile, level=level)
    high = upper_bound(samples, quantile=quantile, level=level)
    low = lower_bound(samples, quantile=quantile, level=level)
    assert (decision == "pass") == (high is not None and high <= limit)
    assert (decision == "fail") == (low is not None and low > limit)
    if high is not None and low is not None:
        assert low <= observed(samples, quantile) <= high


@given(st.integers(59, 400), st.sampled_from([0.9, 0.95, 0.99]))
def test_more_requests_over_the_limit_never_help(n: int, level: float) -> None:
    rank = {"pass": 0, "undecided": 1, "fail": 2}
    ranks = [rank[decide(over=over, n=n, quantile=P95, level=level)] for over in range(n + 1)]
    assert ranks == sorted(ranks)
    assert ranks[-1] == 2


@pytest.mark.parametrize("looks", [(124,), (60, 125, 250, 500)])
def test_a_device_exactly_at_the_limit_passes_or_fails_no_more_often_than_declared(looks: tuple[int, ...]) -> None:
    if len(looks) > 1:  # 60 requests cannot pass at the level of one of four looks
        looks = (fewest_requests(over=0, quantile=P95, level=1 - 0.05 / len(looks)), *looks[1:])
    confidence = Confidence(looks=looks)
    runs = 4000
    over = np.random.default_rng(0).random((runs, looks[-1])) < 0.05
    ends = {"pass": 0, "fail": 0, "undecided": 0}
    for run in over.cumsum(axis=1):
        for look in looks:
            decision = decide(over=int(run[look - 1]), n=look, quantile=P95, level=confidence.look_level)
            if decision != "undecided":
                break
        ends[decision] += 1
    # Four standard errors of a share of 5 % over 4000 runs.
    slack = 4 * math.sqrt(0.05 * 0.95 / runs)
    assert ends["pass"] / runs <= 0.05 + slack
    assert ends["fail"] / runs <= 0.05 + slack


def test_looking_after_every_request_would_break_the_level() -> None:
    """Why looks are declared: the same rule, tried after each of 500 requests, passes far too often."""
    over = np.random.default_rng(1).random((1000, 500)) < 0.05
    allowed = [most_over(n=n, quantile=P95, level=0.95) for n in range(1, 501)]
    limits = np.array([-1 if most is None else most for most in allowed])
    assert (over.cumsum(axis=1) <= limits).any(axis=1).mean() > 0.10


@pytest.mark.parametrize(("quantile", "expected"), [(0.5, 50), (0.9, 90), (0.95, 95), (0.99, 99)])
def test_observed_is_the_nearest_rank(quantile: float, expected: float) -> None:
    samples = [float(value) for value in range(100, 0, -1)]
    assert observed(samples, quantile) == expected
    assert observed([7.0], quantile) == 7.0


def test_observed_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        observed([], 0.95)


def test_too_few_samples_have_no_upper_bound() -> None:
    assert upper_bound([1.0] * 58, quantile=P95, level=0.95) is None
    assert upper_bound([1.0] * 59, quantile=P95, level=0.95) == 1.0
