"""Spikes against a plain count, and the verdict."""

from __future__ import annotations

import dataclasses
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_runs import healthy_steps

from tinylm.report.run import Run
from tinylm.report.stability import find_spikes, judge
from tinylm.training.run.metrics import StepMetrics


def spiked(run: Run, at: set[int]) -> Run:
    """The gradient is twelve times as long at some steps."""
    steps = [dataclasses.replace(row, grad_norm=row.grad_norm * (12 if row.step in at else 1)) for row in run.steps]
    return dataclasses.replace(run, steps=tuple(steps))


@pytest.mark.parametrize(("count", "verdict"), [(0, "stable"), (1, "stable"), (9, "stable"), (10, "unstable")])
def test_fewer_than_ten_spikes_are_stable(healthy: Run, count: int, verdict: str) -> None:
    at = {100 + 80 * place for place in range(count)}
    found = judge(spiked(healthy, at))
    assert found.verdict == verdict
    assert {spike.step for spike in found.spikes} == at
    assert (f"{count} spike" if count else "no spike") in found.words
    assert not at or f"{min(at)}" in found.words


def test_a_loss_that_is_no_number_is_unstable(healthy: Run) -> None:
    steps = (*healthy.steps[:-1], dataclasses.replace(healthy.steps[-1], loss=math.inf))
    assert judge(dataclasses.replace(healthy, steps=steps)).verdict == "unstable"


def test_one_enormous_gradient_hides_nothing_after_it(healthy: Run) -> None:
    steps = [dataclasses.replace(row, grad_norm=1e30 if row.step == 300 else row.grad_norm) for row in healthy.steps]
    assert [spike.step for spike in judge(dataclasses.replace(healthy, steps=tuple(steps))).spikes] == [300]


def test_nothing_logged_is_unknown(healthy: Run) -> None:
    assert judge(dataclasses.replace(healthy, steps=())).verdict == "unknown"


def test_steps_that_were_logged_now_and_then_have_the_same_window(healthy: Run) -> None:
    sparse = dataclasses.replace(healthy, steps=healthy.steps[::10])
    assert [spike.step for spike in judge(spiked(sparse, {501})).spikes] == [501]


@given(st.lists(st.floats(0, 1e6) | st.sampled_from([0.5, 3.0, math.nan, math.inf]), max_size=300))
def test_spikes_are_those_of_the_definition(norms: list[float]) -> None:
    (row,) = healthy_steps(1)
    steps: tuple[StepMetrics, ...] = tuple(
        dataclasses.replace(row, step=place, grad_norm=norm) for place, norm in enumerate(norms, 1)
    )
    expected = []
    for place, norm in enumerate(norms):
        before = [at for at in range(max(place - 100, 0), place) if math.isfinite(norms[at])]
        if math.isfinite(norm) and before and place - before[0] >= 20:
            mean = statistics.fmean(norms[at] for at in before)
            if math.isclose(norm, 5 * mean, rel_tol=1e-12):
                return  # at the border, rounding decides
            if norm > 5 * mean:
                expected.append(place + 1)
    assert [spike.step for spike in find_spikes(steps)] == expected
