"""Signs of trouble: by which rules, what training does about them, and that a resumed run does the same."""

from __future__ import annotations

import dataclasses
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from synthetic_runs import healthy_steps

from tinylm.base.errors import TinylmError
from tinylm.report.stability import find_spikes
from tinylm.training import loop, trainer
from tinylm.training.diagnostics import (
    LEAP_STEPS,
    WINDOW,
    Evaluation,
    Recent,
    Rule,
    begins,
    leap,
    not_a_number,
    out_of_patience,
    overfitting,
    plateau,
    spike,
)
from tinylm.training.guards import rollback
from tinylm.training.run import recorder
from tinylm.training.run.checkpoint import FINAL, CheckpointRecord, Checkpoints
from tinylm.training.run.metrics import read_evaluations, read_events, read_steps
from tinylm.training.step import step

TrainRun = Callable[..., CheckpointRecord]


def recent(losses: list[float], norms: list[float] | None = None) -> Recent:
    found = Recent()
    for loss, norm in zip(losses, norms or [1.0] * len(losses), strict=True):
        found = found.after(loss=loss, norm=norm)
    return found


def test_no_more_is_remembered_than_is_looked_at() -> None:
    found = recent([float(i) for i in range(500)])
    assert (len(found.losses), len(found.norms)) == (WINDOW + LEAP_STEPS, WINDOW)
    assert found.losses[-1] == 499.0


@pytest.mark.parametrize(("norm", "mean"), [(4.9, None), (5.1, 1.0)])
def test_a_spike_is_five_times_the_running_mean(norm: float, mean: float | None) -> None:
    assert spike([1.0] * 50, norm, steps=50) == mean
    assert spike([1.0] * 19, norm, steps=19) is None, "nineteen steps make no mean"


@pytest.mark.parametrize(("loss", "norm"), [(float("nan"), 1.0), (1.0, float("inf")), (1.0, float("nan"))])
def test_what_is_no_number_is_named(loss: float, norm: float) -> None:
    assert "gradient norm" in (not_a_number(loss=loss, norm=norm) or "")
    assert not_a_number(loss=1.0, norm=2.0) is None


def test_a_loss_leaps_when_it_stays_up() -> None:
    calm = [3.0] * 100
    assert leap(recent(calm)) is None
    assert leap(recent([*calm, 9.0])) is None, "one odd batch"
    assert "leapt" in (leap(recent([*calm, *[4.5] * LEAP_STEPS])) or "")
    falling = list(np.linspace(9, 3, 110))
    assert leap(recent(falling)) is None
    assert leap(recent([*calm, *[3.9] * LEAP_STEPS])) is None


@pytest.fixture
def hurt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of the tenth step is no number, as long as its rate is above 0.002."""
    clip, rates = torch.nn.utils.clip_grad_norm_, []
    original = loop.learning_rate

    def learning_rate(at: int, **named: Any) -> float:
        rates[:] = [at, original(at, **named)]
        return rates[1]

    def clip_grad_norm(parameters: Any, limit: float) -> torch.Tensor:
        parameters = list(parameters)
        group = [value.grad for value in parameters]
        if rates and rates[0] == 9 and not lowered[0]:  # a trial of speed steps before the run does
            group[0].mul_(float("nan"))
        return clip(parameters, limit)

    lowered = [False]
    roll_back, run_steps = loop.roll_back, trainer.run_steps

    def rolled_back(*arguments: Any, **named: Any) -> Any:
        progress = roll_back(*arguments, **named)
        lowered[0] = progress.lr_scale * 3e-3 < 2e-3
        return progress

    def begun(setup: Any, recorder: Any, progress: Any, **named: Any) -> Any:
        lowered[0] = progress.lr_scale * 3e-3 < 2e-3
        return run_steps(setup, recorder, progress, **named)

    monkeypatch.setattr(trainer, "run_steps", begun)
    monkeypatch.setattr(loop, "learning_rate", learning_rate)
    monkeypatch.setattr(loop, "roll_back", rolled_back)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip_grad_norm)


FLAT: dict[str, Any] = {
    "total_steps": 20,
    "warmup_fraction": 0.0,
    "min_learning_rate": 3e-3,
    "checkpoint_every_steps": 4,
}


def test_a_gradient_that_is_no_number_is_rolled_back(train_run: TrainRun, tmp_path: Path, hurt: None) -> None:
    record = train_run(tmp_path / "run", **FLAT)
    assert (record.progress.step, record.progress.rollbacks, record.progress.lr_scale) == (20, 1, 0.5)
    events = read_events(tmp_path / "run")
    assert [(event.step, event.event) for event in events] == [(10, "nan"), (10, "rollback")]
    assert "gradient norm nan" in events[0].detail
    assert "batch " in events[0].detail
    assert "rows begin [" in events[0].detail
    assert "back to step 8, learning rate x 0.5" in events[1].detail
    rows = read_steps(tmp_path / "run")
    assert [row.step for row in rows] == list(range(1, 21)), "the steps that were rolled back are gone"
    assert [row.lr for row in rows] == [3e-3] * 8 + [1.5e-3] * 12


def test_a_rollback_is_exact_after_a_kill(
    train_run: TrainRun, tmp_path: Path, hurt: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_run(tmp_path / "straight", **FLAT)
    for at in (9, 11, 13):  # before, right after and some steps after the rollback
        run = tmp_path / f"run-{at}"
        child = os.fork()
        if child == 0:
            original, calls = step.loss_sum, [0]

            def deadly(*arguments: Any, original: Any = original, calls: list[int] = calls, at: int = at) -> Any:
                calls[0] += 1
                if calls[0] == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments)

            monkeypatch.setattr(step, "loss_sum", deadly)
            try:
                train_run(run, **FLAT)
            finally:
                os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        record = train_run(run, **FLAT)
        assert record.progress.rollbacks == 1
        figures = [
            [(row.step, row.loss, row.lr) for row in read_steps(folder)] for folder in (tmp_path / "straight", run)
        ]
        assert figures[0] == figures[1], at
        kinds = [[e.event for e in read_events(f) if e.event != "resumed"] for f in (tmp_path / "straight", run)]
        assert kinds[0] == kinds[1], at
        weights = [Checkpoints(folder).read_weights(FINAL) for folder in (tmp_path / "straight", run)]
        for name, values in weights[0].items():
            np.testing.assert_array_equal(values, weights[1][name], err_msg=f"{at} {name}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"on_divergence": "stop"}, "training diverged at step 10: the loss is"),
        ({"rollback_factor": 0.9, "max_rollbacks": 2}, "training diverged at step 10 after 2 rollbacks: the loss is"),
    ],
)
def test_a_divergence_that_cannot_be_helped_stops(
    train_run: TrainRun, tmp_path: Path, hurt: None, settings: dict[str, Any], message: str
) -> None:
    for _ in "12":  # the second time too: nothing is spent on a dead run
        with pytest.raises(TinylmError, match=message) as caught:
            train_run(tmp_path / "run", **{**FLAT, **settings})
        assert caught.value.exit_code == 1
        assert "--learning-rate (it was 0.003)" in caught.value.hint
    weights = Checkpoints(tmp_path / "run").read_weights("last")
    assert all(np.isfinite(value).all() for value in weights.values())


def test_a_loss_that_leaps_goes_back_before_the_leap(
    train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 17 shows that the last ten went wrong: the checkpoints of steps 8 to 16 are not to be trusted."""
    leaps = iter([f"the loss leapt at {LEAP_STEPS}"])
    monkeypatch.setattr(rollback, "leap", lambda recent: next(leaps, None) if len(recent.losses) == 17 else None)
    record = train_run(tmp_path / "run", **FLAT, keep_checkpoints=5)
    assert [(event.step, event.event) for event in read_events(tmp_path / "run")] == [(17, "leap"), (17, "rollback")]
    assert "back to step 4" in read_events(tmp_path / "run")[1].detail
    assert [row.step for row in read_steps(tmp_path / "run")] == list(range(1, 21))
    assert (record.progress.step, record.progress.lr_scale) == (20, 0.5)
    folders = sorted(path.name for path in (tmp_path / "run" / "checkpoints").glob("step-*"))
    assert folders == ["step-00000004.1", *(f"step-{step:08d}" for step in (8, 12, 16, 20))], "each is of the new way"


def test_a_gradient_that_leaps_is_an_event(
    train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "spike", lambda norms, norm, *, steps: norm / 6 if steps == 4 else None)
    train_run(tmp_path / "run", total_steps=6)
    (event,) = read_events(tmp_path / "run")
    assert (event.step, event.event) == (5, "spike")
    assert event.detail.endswith(", 6.0 times its mean of the last 4 steps")


def measured(val: list[float], train: list[float] | None = None) -> list[Evaluation]:
    train = train or [5 - 0.1 * i for i in range(len(val))]
    return [
        Evaluation(step=10 * i, train_loss=t, val_loss=v, val_bpb={})
        for i, (t, v) in enumerate(zip(train, val, strict=True), 1)
    ]


def starts(rule: Rule, evaluations: list[Evaluation]) -> list[int]:
    """At which evaluations the rule begins to hold."""
    return [n for n in range(1, len(evaluations) + 1) if begins(rule, evaluations[:n])]


def test_overfitting_begins_when_the_rise_is_no_noise() -> None:
    rising = [4.0, 3.9, 3.92, 3.935, 3.945, 3.98, 3.99]
    assert starts(overfitting, measured(rising)) == [5], "1 % above the best"
    assert starts(overfitting, measured(rising, train=[3.0] * 7)) == [], "the training loss does not fall"
    assert starts(overfitting, measured(rising, train=[math.nan] * 7)) == [], "nothing is known of it"
    assert starts(overfitting, measured([4.0, 3.9, 4.1, 3.8, 4.1])) == [], "single bad evaluations"
    assert starts(overfitting, measured([4.0, 4.1, 4.2, 3.9, 4.1, 4.2])) == [3, 6], "it ended in between"


def test_a_plateau_begins_when_half_of_the_evaluations_brought_nothing() -> None:
    still = [3.0] * 12
    assert starts(plateau, measured([4.0, *[3.9999] * 8], train=still[:9])) == [5]
    assert starts(plateau, measured([4.0] * 4, train=still[:4])) == [], "too few to tell"
    assert starts(plateau, measured([4.0] * 9)) == [], "the training loss falls"
    assert starts(plateau, measured([4 - 0.01 * i for i in range(12)], train=still)) == [], "1.5 % in a half"
    assert starts(plateau, measured([4.0, 3.5, 3.2, 3.0, 2.995, 2.99, 2.988], train=still[:7])) == [7]


def test_spikes_in_training_and_in_the_report_are_the_same() -> None:
    """The report reads the log; training sees one step after the other."""
    rows = healthy_steps(400)
    for place in (14, 20, 89, 398):
        rows[place] = dataclasses.replace(rows[place], grad_norm=9.0)
    seen, found = Recent(), []
    for row in rows:
        if spike(seen.norms, row.grad_norm, steps=len(seen.norms)) is not None:
            found.append(row.step)
        seen = seen.after(loss=row.loss, norm=row.grad_norm)
    assert found == [one.step for one in find_spikes(tuple(rows))] == [21, 90, 399]


@pytest.mark.parametrize(("patience", "at"), [(1, [3]), (2, []), (3, [])])
def test_patience(patience: int, at: list[int]) -> None:
    losses = measured([4.0, 3.9, 3.95, 3.8])
    assert [n for n in range(1, 5) if out_of_patience(losses[:n], patience)] == at


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
