"""What is a divergence, and what follows: the last good checkpoint and a lower rate, or an end that says why."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import RunPlan
from tinylm.training.diagnostics import FEWEST_STEPS, LEAP_NATS, LEAP_STEPS, Recent
from tinylm.training.guards.rollback import Divergence, describe_batch, find_divergence, roll_back
from tinylm.training.run.checkpoint import LAST, Checkpoints, capture
from tinylm.training.run.metrics import read_events, read_steps
from tinylm.training.run.progress import Progress
from tinylm.training.run.recorder import Recorder
from tinylm.training.run.trackers import open_trackers
from tinylm.training.step.setup import Setup, set_up
from tinylm.training.step.step import StepResult, optimize

NAN = Divergence("nan", "the loss is nan")
LEAP = Divergence("leap", "the loss leapt")


def result(loss: float, norm: float = 1.0) -> StepResult:
    return StepResult(loss=loss, rate=0.01, grad_norm=norm, grad_norm_clipped=norm, seconds=0.1)


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (3.0, math.nan), (3.0, math.inf)])
def test_what_is_no_number_is_a_divergence(loss: float, norm: float) -> None:
    found = find_divergence(Progress(step=0, total_steps=9), result(loss, norm))
    assert found == Divergence("nan", f"the loss is {loss} and the gradient norm {norm}")


def test_a_loss_that_leaps_is_a_divergence_when_the_last_steps_say_so_together() -> None:
    calm = (3.0,) * FEWEST_STEPS
    # ten steps, of which the eleventh's mean is over the limit only with the step that is judged
    just_below = (3.0 + LEAP_NATS,) * (LEAP_STEPS - 1)
    before = Progress(step=40, total_steps=99, recent=Recent(losses=(*calm, *just_below)))
    assert find_divergence(before, result(3.0 + LEAP_NATS - 0.1)) is None
    found = find_divergence(before, result(3.0 + LEAP_NATS + 0.1))
    assert found is not None
    assert found.event == "leap"
    assert found.reason.startswith(f"the loss leapt: 4.010 on average in the last {LEAP_STEPS} steps, 3.000 in the 20")


class Run:
    """A run of real steps, each recorded and saved."""

    def __init__(self, folder: Path, setup: Setup, recorder: Recorder) -> None:
        self.folder, self.setup, self.recorder = folder, setup, recorder
        self.progress = Progress(step=0, total_steps=40)

    def go(self, steps: int, *, save_every: int = 2) -> None:
        for _ in range(steps):
            done = optimize(self.setup, self.setup.batches.batch(self.progress.step), rate=1e-2)
            self.recorder.step(self.progress, done)
            self.progress = self.progress.after_step(done)
            if self.progress.step % save_every == 0:
                self.recorder.save(self.progress, [])

    def weights(self) -> dict[str, Any]:
        return {name: value.copy() for name, value in capture(self.setup)[0].items()}


Start = Callable[..., Run]


@pytest.fixture
def start(small_plan: RunPlan, dataset: Dataset, tmp_path: Path) -> Iterator[Start]:
    opened = []

    def call(**training: Any) -> Run:
        changed = dataclasses.replace(small_plan.training, keep_checkpoints=9, **training)
        setup = set_up(dataclasses.replace(small_plan, training=changed), dataset)
        progress = Progress(step=0, total_steps=40)
        bar = ProgressBar("training", total=40, say=None).__enter__()
        with open_trackers([], tmp_path, run_id="id", settings={}, step=0) as trackers:
            recorder = Recorder(
                tmp_path, setup, Checkpoints(tmp_path, keep=9), bar, trackers, run_id="id", progress=progress
            )
        recorder.begin(progress, None)
        opened.append((setup, recorder))
        return Run(tmp_path, setup, recorder)

    yield call
    for setup, recorder in opened:
        recorder.close()
        setup.batches.close()


def test_the_last_checkpoint_comes_back_with_a_lower_rate(start: Start) -> None:
    run = start()
    run.go(4)
    good, random = run.weights(), torch.get_rng_state()
    run.go(1)  # recorded, and not saved
    before = dataclasses.replace(run.progress, rollbacks=1, lr_scale=0.5, training_seconds=99.0)
    assert any((run.weights()[name] != value).any() for name, value in good.items())

    back = roll_back(run.setup, run.recorder, before, NAN, data="batch 0123")

    for name, value in run.weights().items():
        np.testing.assert_array_equal(value, good[name], err_msg=name)
    assert torch.equal(torch.get_rng_state(), random)
    assert (back.step, back.rollbacks, back.lr_scale, back.training_seconds) == (4, 2, 0.25, 99.0)
    assert back.recent.losses == before.recent.losses[:4]
    events = read_events(run.folder)
    assert [(event.step, event.event) for event in events] == [(6, "nan"), (6, "rollback")]
    assert events[0].detail == "the loss is nan; batch 0123"
    assert events[1].detail == "back to step 4, learning rate x 0.25 from there (rollback 2 of at most 3)"
    assert [row.step for row in read_steps(run.folder)] == [1, 2, 3, 4]
    saved = Checkpoints(run.folder).read_record(LAST).progress  # at once: a kill now would not go another way
    assert dataclasses.replace(saved, log_bytes={}) == dataclasses.replace(back, log_bytes={})


def test_steps_after_a_rollback_are_those_after_the_checkpoint(start: Start) -> None:
    run = start(optimizer="muon", ema_decay=0.9)
    run.go(2)
    run.go(1, save_every=99)
    once = run.weights()
    run.progress = roll_back(run.setup, run.recorder, run.progress, NAN, data="")
    run.go(1, save_every=99)
    for name, value in run.weights().items():
        np.testing.assert_array_equal(value, once[name], err_msg=name)


def test_a_leap_began_before_it_was_seen(start: Start) -> None:
    """The checkpoints among the steps that leapt are not good."""
    run = start()
    run.go(LEAP_STEPS + 5)
    back = roll_back(run.setup, run.recorder, run.progress, LEAP, data="")
    assert back.step == 6  # the newest at or before step 16 - LEAP_STEPS
    assert [row.step for row in read_steps(run.folder)] == [1, 2, 3, 4, 5, 6]


def test_a_leap_with_no_checkpoint_before_it_is_the_end(start: Start) -> None:
    run = start()
    run.go(LEAP_STEPS + 5)
    for folder in sorted(run.recorder.checkpoints.folder.glob("step-*"))[:4]:  # of the steps 0 to 6
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    with pytest.raises(TinylmError, match="no checkpoint is old enough: the loss leapt") as caught:
        roll_back(run.setup, run.recorder, run.progress, LEAP, data="")
    assert caught.value.exit_code == 1
    assert "--keep-checkpoints" in caught.value.hint


@pytest.mark.parametrize(
    ("training", "rollbacks", "message"),
    [
        ({"on_divergence": "stop"}, 0, "training diverged at step 3: the loss is nan"),
        ({"max_rollbacks": 2}, 2, "training diverged at step 3 after 2 rollbacks: the loss is nan"),
    ],
)
def test_the_policy_may_be_to_stop(start: Start, training: dict[str, Any], rollbacks: int, message: str) -> None:
    run = start(**training)
    run.go(2)
    before = dataclasses.replace(run.progress, rollbacks=rollbacks)
    with pytest.raises(TinylmError, match=message) as caught:
        roll_back(run.setup, run.recorder, before, NAN, data="batch 0123")
    assert caught.value.exit_code == 1
    assert "--learning-rate (it was 0.003)" in caught.value.hint
    assert [event.event for event in read_events(run.folder)] == ["nan"]
    assert Checkpoints(run.folder).read_record(LAST).progress.step == 2


def test_a_batch_is_named_by_what_it_holds(small_plan: RunPlan, dataset: Dataset) -> None:
    setup, tokenizer = set_up(small_plan, dataset), dataset.tokenizer()
    with setup.batches:
        first, second = setup.batches.batch(0), setup.batches.batch(1)
    words = describe_batch(first, tokenizer)
    assert words == describe_batch(first, tokenizer) != describe_batch(second, tokenizer)
    assert words.startswith("batch ")
    beginning = tokenizer.decode(first.inputs[0, :16].tolist())
    assert repr(beginning) in words
