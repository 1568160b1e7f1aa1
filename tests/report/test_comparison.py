"""What is best is best by more than noise; runs that cannot be compared are refused."""

from __future__ import annotations

import dataclasses

import pytest
from synthetic_runs import config_of, evaluations_of

from tinylm.errors import TinylmError
from tinylm.report.comparison import Comparison, clipping_pair, compare, named_apart
from tinylm.report.figures import measure
from tinylm.report.run import Run


def run_of(healthy: Run, *, name: str = "run", val: float = 3.0, speed: float = 1.0, **training: object) -> Run:
    steps = [dataclasses.replace(row, tokens_per_second=row.tokens_per_second * speed) for row in healthy.steps]
    return dataclasses.replace(
        healthy,
        name=name,
        steps=tuple(steps),
        evaluations=tuple(evaluations_of([5.0, val], steps=1000)),
        config=dataclasses.replace(config_of(total_steps=1000, **training), dataset="d"),
    )


def compared(*runs: Run) -> Comparison:
    return compare(runs, [measure(run) for run in runs])


def test_the_best_of_each_figure(healthy: Run) -> None:
    found = compared(run_of(healthy, val=3.2, speed=2), run_of(healthy, val=3.0), run_of(healthy, val=3.1))
    assert found.best["best validation loss"] == found.best["bits per byte, all"] == 1
    assert found.best["tokens a second, median"] == 0
    assert "spikes" not in found.best  # all have none


def test_speed_within_noise_has_no_best(healthy: Run) -> None:
    assert "tokens a second, median" not in compared(run_of(healthy), run_of(healthy, speed=1.01)).best
    assert compared(run_of(healthy), run_of(healthy, speed=1.05)).best["tokens a second, median"] == 1


def test_settings_that_differ(healthy: Run) -> None:
    found = compared(run_of(healthy, learning_rate=1e-3), run_of(healthy), run_of(healthy, grad_clip=None))
    assert found.differences == {
        "training.learning_rate": ("0.001", "0.003", "0.003"),
        "training.grad_clip": ("1.0", "1.0", "not set"),
    }


def test_how_many_can_be_compared(healthy: Run) -> None:
    with pytest.raises(TinylmError, match="1 runs"):
        compared(healthy)
    with pytest.raises(TinylmError, match="13 runs"):
        compared(*[healthy] * 13)


def test_runs_of_the_same_name_are_told_apart(healthy: Run) -> None:
    runs = [healthy, healthy, run_of(healthy, name="other")]
    assert [run.name for run in named_apart(runs, ["a/run", "b/run", "c/other"])] == ["a/run", "b/run", "other"]


def test_clipping_needs_one_run_of_each(healthy: Run) -> None:
    clipped, free = run_of(healthy), run_of(healthy, grad_clip=None)
    assert clipping_pair([free, clipped]) == clipping_pair([clipped, free]) == (clipped, free)
    for runs in ([clipped, clipped], [free, free], [clipped, free, free]):
        with pytest.raises(TinylmError, match="--clipping"):
            clipping_pair(runs)
