"""Overfitting and plateaus are told once; patience ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.training.run.checkpoint import FINAL, CheckpointRecord, Checkpoints
from tinylm.training.run.metrics import read_evaluations, read_events
from tinylm.training.trends import Evaluation, out_of_patience, overfitting, plateau

TrainRun = Callable[..., CheckpointRecord]


def measured(val: list[float], train: list[float] | None = None) -> list[Evaluation]:
    train = train or [5 - 0.1 * i for i in range(len(val))]
    return [
        Evaluation(step=10 * i, train_loss=t, val_loss=v, val_bpb={})
        for i, (t, v) in enumerate(zip(train, val, strict=True), 1)
    ]


def told(rule: Callable[[list[Evaluation]], str | None], evaluations: list[Evaluation]) -> list[int]:
    """At which evaluations the rule speaks."""
    return [n for n in range(1, len(evaluations) + 1) if rule(evaluations[:n])]


def test_overfitting_is_told_once_a_time() -> None:
    rising = [4.0, 3.9, 3.95, 3.96, 3.97, 3.98, 3.99]
    assert told(overfitting, measured(rising)) == [5]
    assert "rose from 3.9000 to 3.9700" in (overfitting(measured(rising[:5])) or "")
    assert told(overfitting, measured(rising, train=[3.0] * 7)) == [], "the training loss does not fall"
    assert told(overfitting, measured([4.0, 4.1, 4.2, 4.1, 4.2, 4.3, 4.4])) == [7]


def test_a_plateau_is_told_once() -> None:
    assert told(plateau, measured([4.0, *[3.9999] * 8])) == [6]
    assert told(plateau, measured([4 - 0.01 * i for i in range(20)])) == []


@pytest.mark.parametrize(("patience", "at"), [(1, [3]), (2, []), (3, [])])
def test_patience(patience: int, at: list[int]) -> None:
    losses = measured([4.0, 3.9, 3.95, 3.8])
    assert told(lambda seen: out_of_patience(seen, patience), losses) == at


def test_early_stopping_ends_a_run_well(train_run: TrainRun, tmp_path: Path) -> None:
    """At a rate of zero nothing improves after the first evaluation."""
    settings = {"learning_rate": 1e-9, "warmup_fraction": 0.0, "epochs": 10, "patience": 2, "evaluate_every_steps": 3}
    record = train_run(tmp_path / "run", **settings)
    assert record.progress.stopped_early
    assert record.progress.step < record.progress.total_steps == 80
    assert Checkpoints(tmp_path / "run").read_record(FINAL) == record
    (event,) = (event for event in read_events(tmp_path / "run") if event.event == "early_stop")
    assert event.step == record.progress.step
    evaluations = read_evaluations(tmp_path / "run")
    assert [row.step for row in evaluations][:4] == [3, 6, 8, 9][: len(evaluations)]
    assert train_run(tmp_path / "run", **settings) == record, "it is finished"
    further = train_run(tmp_path / "run", further=True, **{**settings, "epochs": 11, "patience": None})
    assert (further.progress.step, further.progress.stopped_early) == (88, False)
