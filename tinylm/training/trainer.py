"""Training a run to its end: set up, continue where it stopped, loop."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

from tinylm.config import RunConfig
from tinylm.errors import TinylmError
from tinylm.training.checkpoint import FINAL, LAST, CheckpointRecord, Checkpoints, Progress
from tinylm.training.dataset import Dataset
from tinylm.training.length import decide_total_steps
from tinylm.training.loop import Interrupted, Loop, now
from tinylm.training.run_folder import record_config
from tinylm.training.setup import set_up
from tinylm.training.state import restore

__all__ = ["Interrupted", "train"]


def train(run: Path, config: RunConfig, dataset: Dataset, *, run_id: str) -> CheckpointRecord:
    """Train the run in the folder `run` to its end, from its last checkpoint when there is one.

    Returns the final record. Interrupted (after saving) on Ctrl-C; TinylmError with exit code 1 when the loss is no
    longer a number.
    """
    setup = set_up(config, dataset)
    checkpoints = Checkpoints(run)
    progress = Progress(step=0, total_steps=0, start_timestamp=now())
    if checkpoints.has(LAST):
        progress = checkpoints.read_record(LAST).progress
    total = decide_total_steps(setup, done=progress.step)
    if config.training.minutes is not None and config.training.total_steps is None:
        epochs = math.ceil(total / setup.batches.steps_per_epoch)
        fixed = dataclasses.replace(config.training, total_steps=total, epochs=epochs)
        setup = dataclasses.replace(setup, config=dataclasses.replace(config, training=fixed))
    if progress.step == total and checkpoints.has(FINAL):
        print("training: finished already, skipped", file=sys.stderr)
        return checkpoints.read_record(FINAL)
    if progress.step >= total:
        raise TinylmError(
            f"the run in `{run}` has done {progress.step} steps; it was asked for {total} in all",
            "ask for more --epochs",
        )
    record_config(run, setup.config)
    if progress.step:
        restore(setup, checkpoints, LAST)
    return Loop(run, setup, checkpoints, dataset.tokenizer(), run_id).run(
        dataclasses.replace(progress, total_steps=total)
    )
