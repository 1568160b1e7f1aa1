"""Do the intervals hold what they promise? Simulated documents whose true figure is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinylm.evaluation.bootstrap import DRAWS, condense, ends, resample

REPLICATIONS = 400


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often an interval holds the truth does not depend on how finely its ends are drawn."""
    monkeypatch.setattr("tinylm.evaluation.bootstrap.DRAWS", 1000)


def ratio_table(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Bits and bytes of `n` documents: lengths spread over two orders of magnitude, 2 bits per byte in truth."""
    size = np.exp(generator.normal(6, 1, n))
    return np.column_stack([size * (2 + generator.normal(0, 0.4, n)), size])


@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize("units", [12, 50])
def test_a_95_percent_interval_holds_the_truth_about_as_often(units: int) -> None:
    generator = np.random.default_rng(5)
    held = 0
    for _ in range(REPLICATIONS):
        drawn = resample(ratio_table(generator, units))
        low, high = ends(drawn[:, 0] / drawn[:, 1], units=units)
        held += low <= 2 <= high
    # 95 % of 400 is 380 with a standard deviation of 4.4; skewed lengths cost a few documents' intervals some more
    assert 0.90 <= held / REPLICATIONS <= 0.98


@pytest.mark.usefixtures("fewer_draws")
def test_strata_keep_the_shares_and_hold_the_truth_about_as_often() -> None:
    """Languages that are unequally hard: without strata the mix would be drawn too, and the interval far too wide."""
    generator = np.random.default_rng(6)
    labels = ["en"] * 20 + ["es"] * 20
    held, widths = 0, []
    for _ in range(REPLICATIONS):
        table = np.column_stack([generator.normal(np.repeat([100.0, 300.0], 20), 10), np.full(40, 100.0)])
        drawn = resample(table, labels)
        low, high = ends(drawn[:, 0] / drawn[:, 1], units=40, strata=2)
        held += low <= 2 <= high
        widths.append(high - low)
    assert 0.90 <= held / REPLICATIONS <= 0.98
    assert np.mean(widths) == pytest.approx(2 * 2.02 * 0.1 / 40**0.5, rel=0.1)  # not that of 1 against 3


def test_draws_are_the_same_every_time_and_as_many_rows_as_there_are() -> None:
    table = np.column_stack([np.arange(7.0), np.ones(7)])
    first, second = resample(table), resample(table)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (DRAWS, 2)
    np.testing.assert_array_equal(first[:, 1], 7)
    mixed = resample(table, ["a", "b", "a", "a", "b", "a", "a"])
    np.testing.assert_array_equal(mixed[:, 1], 7)


@pytest.mark.parametrize("rows", [1, 999, 1000, 1001, 2500, 30_000])
def test_many_units_are_drawn_with_their_neighbours(rows: int) -> None:
    table = np.random.default_rng(1).normal(3, 1, (rows, 2))
    found = condense(table)
    assert len(found) == min(rows, 1000)
    np.testing.assert_allclose(found.sum(axis=0), table.sum(axis=0), rtol=1e-12)


def test_the_interval_of_many_units_is_as_wide_as_theory_says() -> None:
    table = np.column_stack([np.random.default_rng(2).normal(200, 50, 20_000), np.full(20_000, 100.0)])
    drawn = resample(table)
    low, high = ends(drawn[:, 0] / drawn[:, 1], units=20_000)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20_000**0.5, rel=0.1)
