"""What follows a divergence: back to the last good checkpoint with a lower rate, or an end with everything said."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes
from tinylm.dataset.batches import Batch
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.training.run.checkpoint import Progress
from tinylm.training.run.recorder import Recorder
from tinylm.training.run.state import restore
from tinylm.training.stability import LEAP_STEPS
from tinylm.training.step.setup import Setup

_ROWS, _TOKENS = 4, 16
"""So many rows of the batch are shown, and so many tokens of each."""


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """A step that cannot be gone on from."""

    step: int
    event: Literal["nan", "leap"]
    """Its loss or gradient is no number; or the loss has leapt over the last steps."""
    reason: str
    data: str
    """What the step read."""


def answer_divergence(setup: Setup, recorder: Recorder, progress: Progress, divergence: Divergence) -> Progress:
    """The progress to go on from; TinylmError with exit code 1 when policy or luck leave none.

    `progress` is that before the step.

    What comes after is recorded in a checkpoint at once, so that a run that is killed goes the same way again: it meets
    the same step before that checkpoint and the lower rate after it.
    """
    training, step, reason = setup.training, divergence.step, divergence.reason
    recorder.event(step, divergence.event, f"{reason}; {divergence.data}")
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
