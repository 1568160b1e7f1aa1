"""Thinning keeps extremes, time adds up, training losses belong to their evaluation."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.report.curves import drawable, seconds, thinned, train_losses
from tinylm.report.run import Run

FINITE = st.floats(-1e9, 1e9)


@given(st.lists(FINITE, min_size=1, max_size=500), st.integers(1, 50))
def test_thinning_keeps_extremes_and_order(values: list[float], buckets: int) -> None:
    points = list(enumerate(values))
    series = thinned(points, label="loss", buckets=buckets)
    assert len(series.points) <= max(buckets, 1)
    xs = [x for x, _ in series.points]
    assert xs == sorted(xs)
    reached = [y for pair in series.band for y in pair] or [y for _, y in series.points]
    assert (min(reached), max(reached)) == (min(values), max(values))
    for (_, mean), (low, high) in zip(series.points, series.band, strict=False):
        assert low - 1e-3 <= mean <= high + 1e-3  # the mean is rounded


def test_one_spike_among_thousands_survives() -> None:
    series = thinned([(step, 50.0 if step == 3217 else 1.0) for step in range(5000)], label="norm")
    assert max(high for _, high in series.band) == 50
    assert sum(high == 50 for _, high in series.band) == 1


def test_what_cannot_be_drawn_is_left_out() -> None:
    points = [(1, 1.0), (2, math.nan), (3, math.inf), (4, 0.0), (5, -1.0)]
    assert drawable(points) == [(1, 1.0), (4, 0.0), (5, -1.0)]
    assert drawable(points, positive=True) == [(1, 1.0)]


def test_time_is_tokens_over_speed_for_dense_and_sparse_logs(healthy: Run) -> None:
    even = tuple(dataclasses.replace(row, tokens_per_second=2 * 2048.0) for row in healthy.steps)
    run = dataclasses.replace(healthy, steps=even)
    assert seconds(run)[-1] == pytest.approx(500)
    assert seconds(dataclasses.replace(run, steps=even[9::10]))[-1] == pytest.approx(500)
    still = dataclasses.replace(even[-1], tokens_per_second=0.0)
    assert seconds(dataclasses.replace(run, steps=(*even[:-1], still)))[-1] == pytest.approx(499.5)


def test_training_losses_between_evaluations(healthy: Run) -> None:
    steps = tuple(dataclasses.replace(row, loss=1.0 if row.step <= 100 else 2.0) for row in healthy.steps)
    assert train_losses(dataclasses.replace(healthy, steps=steps))[:2] == (1.0, 2.0)
    assert train_losses(dataclasses.replace(healthy, steps=()))[0] is None
