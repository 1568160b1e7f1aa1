"""Where a run stands: what a step, an evaluation and an epoch add, and what a new length takes back."""

from __future__ import annotations

import dataclasses

import pytest

from tinylm.training.run.progress import EpochMetrics, Progress
from tinylm.training.step.step import StepResult

START = Progress(step=0, total_steps=10)


def step(loss: float, *, norm: float = 1.0) -> StepResult:
    return StepResult(loss=loss, rate=0.01, grad_norm=norm, grad_norm_clipped=min(norm, 1.0), seconds=0.5)


def epoch(number: int, loss: float) -> EpochMetrics:
    return EpochMetrics(
        epoch=number, train_loss=loss, val_loss=loss, lr=0.01, val_bpb={"all": 1.0}, tokens_per_second=9.0, seconds=1.0
    )


def test_a_step_counts_towards_its_epoch_and_its_evaluation() -> None:
    found = START.after_step(step(4.0)).after_step(step(3.0, norm=2.0))
    assert (found.step, found.epoch_steps, found.evaluation_steps) == (2, 2, 2)
    assert found.epoch_loss_sum == found.evaluation_loss_sum == 7.0
    assert (found.recent.losses, found.recent.norms) == ((4.0, 3.0), (1.0, 2.0))
    assert (found.lr, found.training_seconds) == (0.01, 1.0)
    assert START.step == 0


def test_an_evaluation_has_the_mean_of_the_steps_before_it() -> None:
    first = START.after_step(step(4.0)).after_step(step(3.0)).after_evaluation(val_loss=3.6, val_bpb={"all": 2.0})
    second = first.after_step(step(2.0)).after_evaluation(val_loss=3.8, val_bpb={"all": 2.1})
    assert [(one.step, one.train_loss, one.val_loss) for one in second.evaluations] == [(2, 3.5, 3.6), (3, 2.0, 3.8)]
    assert (second.evaluation_steps, second.evaluation_loss_sum, second.best_val_loss) == (0, 0.0, 3.6)
    assert second.epoch_loss_sum == 9.0  # the epoch goes on


@pytest.mark.parametrize(("loss", "best"), [(3.5, True), (3.6, False), (3.7, False)])
def test_only_a_lower_loss_is_the_best(loss: float, best: bool) -> None:
    known = dataclasses.replace(START, best_val_loss=3.6)
    assert known.is_best(loss) is best
    assert START.is_best(loss)


def test_an_epoch_that_ends_twice_stands_once() -> None:
    found = START.after_step(step(4.0)).after_epoch(epoch(1, 4.0)).after_epoch(epoch(2, 3.0))
    assert (found.epoch_steps, found.epoch_loss_sum) == (0, 0.0)
    again = found.after_epoch(epoch(2, 2.5))
    assert [(one.epoch, one.train_loss) for one in again.epoch_history] == [(1, 4.0), (2, 2.5)]


def test_another_length_begins_patience_and_rates_anew() -> None:
    stopped = dataclasses.replace(
        START.after_step(step(4.0)).after_evaluation(val_loss=3.6, val_bpb={"all": 2.0}),
        stopped_early=True,
        rollbacks=2,
        lr_scale=0.25,
    )
    assert stopped.is_finished(10)
    assert stopped.planned(10) == stopped
    longer = stopped.planned(20)
    assert not longer.is_finished(20)
    assert (longer.total_steps, longer.patience_from, longer.rollbacks, longer.lr_scale) == (20, 1, 0, 1.0)
    assert (longer.step, longer.evaluations) == (stopped.step, stopped.evaluations)


@pytest.mark.parametrize(("done", "total", "finished"), [(10, 10, True), (9, 10, False), (10, 12, False)])
def test_a_run_is_finished_at_its_last_step(done: int, total: int, finished: bool) -> None:
    assert dataclasses.replace(START, step=done).is_finished(total) is finished
