"""What follows a divergence: back to the last good checkpoint with a lower rate, or an end with everything said."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes
from tinylm.dataset.batches import Batch
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.training.diagnostics import LEAP_STEPS, leap, not_a_number
from tinylm.training.run.checkpoint import restore
from tinylm.training.run.progress import Progress
from tinylm.training.run.recorder import Recorder
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import StepResult

_ROWS, _TOKENS = 4, 16
"""So many rows of the batch are shown, and so many tokens of each."""


class Divergence(NamedTuple):
    """Why a step cannot be gone on from."""

    event: Literal["nan", "leap"]
    """Its loss or gradient is no number; or the loss has leapt over the last steps."""
    reason: str


def find_divergence(progress: Progress, result: StepResult) -> Divergence | None:
    """What is wrong with the step after `progress`; None when training can go on from it."""
    if reason := not_a_number(loss=result.loss, norm=result.grad_norm):
        return Divergence("nan", reason)
    if reason := leap(progress.recent.after(loss=result.loss, norm=result.grad_norm)):
        return Divergence("leap", reason)
    return None


def roll_back(setup: Setup, recorder: Recorder, progress: Progress, divergence: Divergence, *, data: str) -> Progress:
    """The progress to go on from; TinylmError with exit code 1 when the policy or the checkpoints leave none.

    `progress` is that before the step, `data` describes what the step read. What comes after is recorded in a
    checkpoint at once, so that a run that is killed goes the same way again: it meets the same step before that
    checkpoint and the lower rate after it.
    """
    training, step, reason = setup.training, progress.step + 1, divergence.reason
    recorder.event(step, divergence.event, f"{reason}; {data}")
    if training.on_divergence == "stop" or progress.rollbacks >= training.max_rollbacks:
        tried = f" after {progress.rollbacks} rollbacks" if progress.rollbacks else ""
        raise TinylmError(
            f"training diverged at step {step}{tried}: {reason}",
            f"lower --learning-rate (it was {training.learning_rate:g}), then run again with --force; `metrics.jsonl` "
            "names the step's data",
            exit_code=1,
        )
    # A loss leaps over some steps: a checkpoint among them is not good.
    found = recorder.checkpoints.newest_whole(at_most=max(0, step - LEAP_STEPS) if divergence.event == "leap" else None)
    if found is None:
        raise TinylmError(
            f"training diverged at step {step}, and no checkpoint is old enough: {reason}",
            "lower --learning-rate, or keep more with --keep-checkpoints; then run again with --force",
            exit_code=1,
        )
    restore(setup, recorder.checkpoints, found.name)
    good = found.record.progress
    back = dataclasses.replace(
        good,
        total_steps=progress.total_steps,
        training_seconds=progress.training_seconds,
        rollbacks=progress.rollbacks + 1,
        lr_scale=progress.lr_scale * training.rollback_factor,
    )
    recorder.rewind(good)
    recorder.event(
        step,
        "rollback",
        f"back to step {good.step}, learning rate x {back.lr_scale:g} from there "
        f"(rollback {back.rollbacks} of at most {training.max_rollbacks})",
    )
    recorder.save(back, [])
    return back


def describe_batch(batch: Batch, tokenizer: Tokenizer) -> str:
    """Which data a step saw: a hash of all ids, and how its first rows begin."""
    starts = [tokenizer.decode(row[:_TOKENS].tolist()) for row in batch.inputs[:_ROWS]]
    return f"batch {sha256_bytes(batch.inputs.tobytes() + batch.targets.tobytes())[:16]}, rows begin {starts!r}"
