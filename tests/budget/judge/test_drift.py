"""Drift is found when it is there, and not invented from heavy tails, bimodal times or luck."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.judge.drift import MOST_DRIFT, rank_correlation, request_drift, work_drift


@given(st.lists(st.floats(0, 100), min_size=3, max_size=60, unique=True))
def test_rank_correlation_is_the_correlation_of_ranks(values: list[float]) -> None:
    ranks = np.argsort(np.argsort(values))
    assert rank_correlation(values) == pytest.approx(np.corrcoef(ranks, np.arange(len(values)))[0, 1], abs=1e-9)


def test_rank_correlation_at_its_ends() -> None:
    assert rank_correlation([1, 2, 3, 4]) == pytest.approx(1)
    assert rank_correlation([4, 3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([7, 7, 7]) == 0
    assert rank_correlation([1, 1, 2, 2]) == pytest.approx(0.894, abs=1e-3)  # by hand: ties share their mean rank


def test_a_steady_clock_with_a_noisy_neighbour() -> None:
    """Half of the pieces of work are hit, some of them hard; the others show the clock."""
    rng = random.Random(0)
    series = [[1.0 * (1 + rng.random() * 3 if rng.random() < 0.5 else 1) for _ in range(32)] for _ in range(4)]
    assert work_drift(series) < MOST_DRIFT


@pytest.mark.parametrize("factor", [1.2, 1.5, 3.0])
def test_a_clock_that_goes_down_in_the_middle_of_a_process(factor: float) -> None:
    rng = random.Random(1)
    steady = [[rng.gauss(1, 0.02) for _ in range(32)] for _ in range(3)]
    throttled = [rng.gauss(1, 0.02) * (factor if place >= 16 else 1) for place in range(32)]
    assert work_drift([*steady, throttled]) == pytest.approx(factor, rel=0.1)


def test_work_of_nothing_is_steady() -> None:
    assert work_drift([]) == 1.0
    assert work_drift([[0.0, 0.0]]) == 1.0


DEVICES = {
    "even": lambda rng: rng.gauss(100, 3),
    "heavy tail": lambda rng: 50 + 50 * rng.paretovariate(1.5),
    "bimodal": lambda rng: rng.choice((80.0, 160.0)) + rng.random(),
}


@pytest.mark.parametrize("name", DEVICES)
def test_requests_of_one_distribution_rarely_look_like_drift(name: str) -> None:
    rng = random.Random(2)
    runs = 400
    found = sum(request_drift([DEVICES[name](rng) for _ in range(124)]) > MOST_DRIFT for _ in range(runs))
    assert found <= 4  # a thousandth of 400 is less than 1; more than 4 has a probability below 1e-4


@pytest.mark.parametrize("name", ["even", "heavy tail"])
def test_requests_that_get_slower_are_drift(name: str) -> None:
    rng = random.Random(3)
    runs = 100
    found = 0
    for _ in range(runs):
        slower = [DEVICES[name](rng) * (1 + 0.8 * place / 124) for place in range(124)]
        found += request_drift(slower) > MOST_DRIFT
    assert found == runs


def test_few_requests_say_nothing() -> None:
    assert request_drift([1.0, 2.0, 3.0] * 9) == 1.0


def test_the_work_is_read_in_windows_of_ten_pieces() -> None:
    """By hand: 20 pieces are two windows, 19 are one, and the lower quartile of a window is its own clock."""
    assert work_drift([[1.0] * 10 + [1.3] * 10]) == pytest.approx(1.3)
    assert work_drift([[1.0] * 9 + [1.3] * 10]) == 1.0
    assert work_drift([[1.0] * 15, [1.2] * 15]) == pytest.approx(1.2)  # a process is a window at least
    assert work_drift([[2.0, 1.0, 3.0], [4.0, 9.0, 5.0]]) == 4.0  # of fewer than four pieces the fastest
    assert work_drift([[1.0, 2.0, 3.0, 4.0], [1.25] * 4]) == 1.0  # Q1 of 1, 2, 3, 4 is 1.25 (Hyndman & Fan, type 6)
    assert work_drift([[], [1.0] * 10]) == 1.0


def test_the_drift_of_requests_is_that_of_the_medians_of_thirds() -> None:
    rising = [100.0 + place for place in range(30)]
    assert request_drift(rising) == (100 + 24.5) / (100 + 4.5)
    assert request_drift(rising[::-1]) == (100 + 24.5) / (100 + 4.5)
    assert request_drift([100.0 + place for place in range(31)]) == (100 + 25.5) / (100 + 4.5)
    assert request_drift(rising[:29]) == 1.0  # too few to tell
    assert request_drift([0.0] * 15 + rising) == float("inf")
    assert request_drift([0.0] * 31) == 1.0


def test_ranks_must_differ_beyond_chance() -> None:
    """A correlation of r in n requests is r times the root of n - 1 standard errors from none; 3.29 are one in 1000."""
    rng = random.Random(4)
    found = {True: 0, False: 0}
    for _ in range(300):
        values = [100 + rng.random() * 100 + 0.8 * place for place in range(50)]
        beyond = abs(rank_correlation(values)) * 7 >= 3.2905
        found[beyond] += 1
        assert (request_drift(values) > 1) == beyond
    assert min(found.values()) > 30
