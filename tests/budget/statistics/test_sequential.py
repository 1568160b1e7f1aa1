"""Looks that share an error: the boundaries against exact enumeration, simulation, and the bounds they imply."""

from __future__ import annotations

import dataclasses
import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.statistics.binomial import binomial_cdf, observed
from tinylm.budget.statistics.sequential import MOST_REQUESTS, Boundary, boundaries, fewest_for_a_pass, more_requests

P95 = 0.95


def binomial_tail(successes: int, n: int, probability: float) -> float:
    """P(X >= successes), summed from its own side."""
    return binomial_cdf(n - successes, n, 1 - probability)


@pytest.mark.parametrize(
    ("n", "level", "most"),
    [(58, 0.95, None), (59, 0.95, 0), (93, 0.95, 1), (124, 0.95, 2), (208, 0.95, 5), (336, 0.95, 10), (398, 0.99, 10)],
)
def test_one_look_is_the_exact_binomial_test(n: int, level: float, most: int | None) -> None:
    """The published numbers of requests (Clopper & Pearson)."""
    (edge,) = boundaries((n,), quantile=P95, level=level)
    assert edge.most_over == most
    if most is not None:
        assert binomial_cdf(most, n, 0.05) <= 1 - level < binomial_cdf(most + 1, n, 0.05)
    assert edge.fewest_over is not None
    assert binomial_tail(edge.fewest_over, n, 0.05) <= 1 - level < binomial_tail(edge.fewest_over - 1, n, 0.05)


def stops(looks: tuple[int, ...], edges: tuple[Boundary, ...], end: str) -> float:
    """The exact probability, over all paths of a device at the limit, that a look ends so; by plain enumeration."""
    paths = {0: 1.0}
    stopped, before = 0.0, 0
    for n, edge in zip(looks, edges, strict=True):
        step = n - before
        moved: dict[int, float] = {}
        for over, probability in paths.items():
            for more in range(step + 1):
                chance = math.comb(step, more) * 0.05**more * 0.95 ** (step - more)
                moved[over + more] = moved.get(over + more, 0.0) + probability * chance
        stopped += sum(p for over, p in moved.items() if edge.decide(over=over) == end)
        paths = {over: p for over, p in moved.items() if edge.decide(over=over) != end}
        before = n
    return stopped


@pytest.mark.parametrize("looks", [(124,), (124, 250, 500), (80, 100, 120, 140), (59, 60, 61), (300, 301, 600)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_all_looks_together_keep_the_error_and_use_it(looks: tuple[int, ...], level: float) -> None:
    edges = boundaries(looks, quantile=P95, level=level)
    last = edges[-1]
    for end in ("pass", "fail"):
        assert stops(looks, edges, end) <= 1 - level + 1e-12
        # One request more at the last look would be too many: nothing is given away there.
        if end == "pass" and last.most_over is not None:
            looser = dataclasses.replace(last, most_over=last.most_over + 1)
            assert stops(looks, (*edges[:-1], looser), end) > 1 - level
        if end == "fail" and last.fewest_over is not None:
            looser = dataclasses.replace(last, fewest_over=last.fewest_over - 1)
            assert stops(looks, (*edges[:-1], looser), end) > 1 - level


@given(
    st.lists(st.floats(0, 1000), min_size=59, max_size=200),
    st.floats(0, 1000),
    st.sampled_from([0.5, 0.9, 0.95]),
)
def test_a_look_decides_exactly_as_its_bounds_compare(samples: list[float], limit: float, quantile: float) -> None:
    (edge,) = boundaries((len(samples),), quantile=quantile, level=0.95)
    decision = edge.decide(over=sum(sample > limit for sample in samples))
    high, low = edge.upper_bound(samples), edge.lower_bound(samples)
    assert (decision == "pass") == (high is not None and high <= limit)
    assert (decision == "fail") == (low is not None and low > limit)
    if high is not None and low is not None:
        assert low <= observed(samples, quantile) <= high


@given(st.lists(st.integers(59, 400), min_size=1, max_size=4, unique=True), st.sampled_from([0.9, 0.95, 0.99]))
def test_more_requests_over_the_limit_never_help(looks: list[int], level: float) -> None:
    rank = {"pass": 0, "undecided": 1, "fail": 2}
    for edge in boundaries(tuple(sorted(looks)), quantile=P95, level=level):
        ranks = [rank[edge.decide(over=over)] for over in range(edge.n + 1)]
        assert ranks == sorted(ranks)
        assert ranks[-1] == 2


def test_looking_after_every_request_would_break_the_level() -> None:
    """Why looks are declared: one look's rule, tried after each of 500 requests, passes far too often."""
    over = (np.random.default_rng(1).random((1000, 500)) < 0.05).cumsum(axis=1)
    single = [boundaries((n,), quantile=P95, level=0.95)[0].most_over for n in range(1, 501)]
    limits = np.array([-1 if most is None else most for most in single])
    assert (over <= limits).any(axis=1).mean() > 0.10


@pytest.mark.parametrize(("looks", "first"), [(1, 59), (2, 72), (3, 80)])
def test_the_first_look_must_be_able_to_pass(looks: int, first: int) -> None:
    assert fewest_for_a_pass(looks=looks, quantile=P95, level=0.95) == first
    for n, most in ((first, 0), (first - 1, None)):
        edges = boundaries((n, *range(1000, 1000 + looks - 1)), quantile=P95, level=0.95)
        assert edges[0].most_over == most


def test_many_requests_are_quick_and_do_not_overflow() -> None:
    edges = boundaries((500, 5_000, 20_000), quantile=P95, level=0.95)
    # Near the limit itself: 5 % of 20,000 are 1000, and five standard deviations are 154.
    assert 846 < (edges[-1].most_over or 0) < 1000 < (edges[-1].fewest_over or 0) < 1154


@pytest.mark.parametrize("over", [2, 3, 4, 5])
def test_so_many_more_would_decide_at_the_same_share(over: int) -> None:
    more = more_requests(over=over, n=124, looks=(124,), quantile=P95, level=0.95)
    assert more is not None
    n = 124 + more
    # Within the 2 % that the advice is rounded to, and the approximation of one request.
    close = round(1.03 * n)
    (edge,) = boundaries((close,), quantile=P95, level=0.95)
    assert edge.decide(over=round(over / 124 * close) - 1) == "pass"


def test_a_declared_look_is_advised_when_it_would_decide() -> None:
    looks = (124, 250, 500)
    assert more_requests(over=2, n=124, looks=looks, quantile=P95, level=0.95) == 126  # 4 of 250
    assert more_requests(over=30, n=250, looks=looks, quantile=P95, level=0.95) == 250


def test_at_the_limit_no_number_decides() -> None:
    assert more_requests(over=5, n=100, looks=(100,), quantile=P95, level=0.95) is None


def test_pairs_of_looks_never_cross() -> None:
    for looks in itertools.combinations((80, 124, 250, 500, 1000), 2):
        for edge in boundaries(looks, quantile=P95, level=0.95):
            assert edge.most_over is not None
            assert edge.fewest_over is not None
            assert edge.most_over < edge.fewest_over


@pytest.mark.parametrize(("over", "n"), [(4, 124), (5, 124), (9, 124), (10, 150), (0, 60)])
@pytest.mark.parametrize("level", [0.9, 0.99])
def test_so_many_more_are_the_fewest_that_a_normal_approximation_decides(over: int, n: int, level: float) -> None:
    """By plain search: a share that stays what it is lies beyond the quantile of the normal distribution, and half a
    request for whole numbers."""
    z = NormalDist().inv_cdf(level)

    def decides(size: int) -> bool:
        return abs(round(over / n * size) - 0.05 * size) > z * math.sqrt(size * 0.05 * 0.95) + 0.5

    fewest = next((size for size in range(n, MOST_REQUESTS) if decides(size)), None)
    more = more_requests(over=over, n=n, looks=(n,), quantile=P95, level=level)
    assert fewest is not None
    assert more is not None
    assert fewest <= n + more
    assert decides(n + more)
    # Whole numbers make it decide here and there before it does for good; 2 % is what it is looked for to.
    assert n + more <= 1.1 * max(fewest, n) + 60


def test_a_look_is_advised_only_if_it_is_still_to_come() -> None:
    looks = (124, 250)
    assert more_requests(over=0, n=124, looks=looks, quantile=P95, level=0.95) == 126
    assert more_requests(over=0, n=250, looks=looks, quantile=P95, level=0.95) == 0
    beyond = more_requests(over=10, n=250, looks=looks, quantile=P95, level=0.95)
    assert beyond is not None
    assert beyond > 250  # 4 % are hard to tell from 5 %


def test_at_the_very_limit_the_search_ends() -> None:
    assert more_requests(over=50, n=1000, looks=(1000,), quantile=P95, level=0.95) is None
    # At 5.2 % too: 1.645 x sqrt(0.0475 x n) + 0.5 is 0.002 n at 33,000 requests, within MOST_REQUESTS.
    assert more_requests(over=52, n=1000, looks=(1000,), quantile=P95, level=0.95) == pytest.approx(31_700, rel=0.05)


def test_a_boundary_decides_at_its_numbers() -> None:
    edge = Boundary(100, 2, 10)
    assert [edge.decide(over=over) for over in (0, 2, 3, 9, 10, 100)] == [
        *("pass", "pass", "undecided", "undecided", "fail", "fail")
    ]
    open_ = Boundary(10, None, None)
    assert {open_.decide(over=over) for over in range(11)} == {"undecided"}
    assert open_.upper_bound([1.0] * 10) is open_.lower_bound([1.0] * 10) is None
    assert edge.upper_bound(list(range(100, 0, -1))) == 98
    assert edge.lower_bound(list(range(100, 0, -1))) == 91
