"""The interval for a ratio of times, on simulated pairs whose truth is known."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from tinylm.budget import ratio
from tinylm.budget.ratio import ratios, student_quantile

THRESHOLD = 1.2
Sides = tuple[list[list[float]], list[list[float]]]


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratio, "RESAMPLES", 120)  # a spread within 6 %: enough for rates over many simulations


def simulate(
    rng: random.Random, *, factor: float, processes: int = 4, luck: float = 0.0, prompts: float = 0.0
) -> Sides:
    """Log-normal times with 10 % noise; `luck` is what whole processes differ by, `prompts` what requests differ by."""
    works = [math.exp(rng.gauss(0, prompts)) for _ in range(31 * processes)]
    sides: list[list[list[float]]] = []
    for times in (100.0, 100.0 * factor):
        side = []
        for process in range(processes):
            offset = rng.gauss(0, luck)
            side.append(
                [times * math.exp(offset + rng.gauss(0, 0.1)) * works[31 * process + place] for place in range(31)]
            )
        sides.append(side)
    return sides[0], sides[1]


def rates(count: int, *, paired: bool, factor: float, luck: float = 0.0, prompts: float = 0.0) -> dict[str, float]:
    """How often the interval lies beyond the threshold, within it, or misses the truth on either side."""
    rng = random.Random(7)
    found = {"regressed": 0, "allowed": 0, "too high": 0, "too low": 0}
    for seed in range(count):
        old, new = simulate(rng, factor=factor, luck=luck, prompts=prompts)
        (p95,) = ratios(old, new, paired=paired, quantiles=(0.95,), level=0.95, seed=seed)
        found["regressed"] += p95.lower > THRESHOLD
        found["allowed"] += p95.upper <= THRESHOLD
        found["too high"] += p95.lower > factor
        found["too low"] += p95.upper < factor
    return {name: value / count for name, value in found.items()}


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("luck", [0.0, 0.05])
def test_no_change_is_never_a_regression(paired: bool, luck: float) -> None:
    assert rates(60, paired=paired, factor=1.0, luck=luck)["regressed"] == 0


@pytest.mark.parametrize("paired", [True, False])
def test_a_change_at_the_threshold_is_rarely_a_regression(paired: bool) -> None:
    found = rates(60, paired=paired, factor=THRESHOLD, luck=0.05)
    # The truth is 5 %; 9 of 60 is what that exceeds once in 1000 series.
    assert found["regressed"] <= 9 / 60
    assert found["allowed"] <= 9 / 60


@pytest.mark.parametrize("paired", [True, False])
def test_forty_per_cent_is_found(paired: bool) -> None:
    assert rates(40, paired=paired, factor=1.4)["regressed"] >= 0.95
    assert rates(40, paired=paired, factor=1.4, luck=0.05)["regressed"] >= 0.6


def test_pairs_cancel_what_prompts_differ_by() -> None:
    rng = random.Random(3)
    old, new = simulate(rng, factor=1.0, luck=0.02, prompts=0.5)
    (pairs,) = ratios(old, new, paired=True, quantiles=(0.95,), level=0.95)
    (apart,) = ratios(old, new, paired=False, quantiles=(0.95,), level=0.95)
    assert pairs.upper / pairs.lower < 0.8 * apart.upper / apart.lower
    assert rates(30, paired=True, factor=1.4, prompts=0.5)["regressed"] > 0.2
    assert rates(30, paired=False, factor=1.4, prompts=0.5)["regressed"] < 0.2


def test_luck_of_processes_widens_the_interval() -> None:
    """124 requests that all share the luck of 4 processes know less than 124 independent ones."""
    rng = random.Random(5)
    widths = []
    for luck in (0.0, 0.1):
        margins = []
        for _ in range(20):
            old, new = simulate(rng, factor=1.0, luck=luck)
            (p95,) = ratios(old, new, paired=True, quantiles=(0.95,), level=0.95)
            margins.append(math.log(p95.upper / p95.value))
        widths.append(sum(margins) / len(margins))
    assert widths[1] > 1.5 * widths[0]


def test_the_same_input_gives_the_same_interval() -> None:
    old, new = simulate(random.Random(1), factor=1.1)
    first = ratios(old, new, paired=True, quantiles=(0.95, 0.5), level=0.95)
    assert first == ratios(old, new, paired=True, quantiles=(0.95, 0.5), level=0.95)


@pytest.mark.parametrize("sides", [([[1.0]], [[1.0]]), ([[1.0], []], [[1.0], [1.0]]), ([], [])])
def test_too_little_to_say_anything(sides: Sides) -> None:
    with pytest.raises(ValueError, match="at least 2 a side"):
        ratios(*sides, paired=True, quantiles=(0.95,), level=0.95)


_times = st.lists(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=5), min_size=2, max_size=4)


@limits(max_examples=30)
@given(_times, _times, st.floats(0.5, 0.999), st.floats(1e-3, 1e3))
def test_the_interval_holds_the_ratio_and_scales(
    old: list[list[float]], new: list[list[float]], level: float, scale: float
) -> None:
    (found,) = ratios(old, new, paired=False, quantiles=(0.95,), level=level)
    assert 0 <= found.lower <= found.value <= found.upper
    scaled = [[scale * value for value in one] for one in new]
    (other,) = ratios(old, scaled, paired=False, quantiles=(0.95,), level=level)
    assert other.value == pytest.approx(scale * found.value)
    assert other.upper / other.value == pytest.approx(found.upper / found.value, rel=1e-6)


@pytest.mark.parametrize(
    ("level", "degrees", "table"),
    # Student's t, as in any table (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
    [(0.95, 1, 6.314), (0.95, 3, 2.353), (0.975, 4, 2.776), (0.99, 6, 3.143), (0.95, 30, 1.697), (0.5, 5, 0.0)],
)
def test_student_quantiles(level: float, degrees: int, table: float) -> None:
    assert student_quantile(level, degrees) == pytest.approx(table, abs=6e-4)
