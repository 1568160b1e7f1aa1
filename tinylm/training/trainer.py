"""Training a run to its end: set up, continue where it stopped, loop."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

from tinylm.config import RunConfig
from tinylm.errors import TinylmError
from tinylm.training.allocator import keep_freed_memory
from tinylm.training.checkpoint import FINAL, SCHEMA, CheckpointRecord, Checkpoints, Found, Progress
from tinylm.training.compilation import decide_compilation
from tinylm.training.dataset import Dataset
from tinylm.training.device import use_physical_cores
from tinylm.training.length import decide_total_steps
from tinylm.training.loop import Interrupted, Loop
from tinylm.training.progress import TrainingProgress
from tinylm.training.recorder import Recorder, now
from tinylm.training.run_folder import record_config
from tinylm.training.setup import Setup, set_up
from tinylm.training.state import restore

__all__ = ["Interrupted", "train"]


def train(run: Path, config: RunConfig, dataset: Dataset, *, run_id: str) -> CheckpointRecord:
    """Train the run in the folder `run` to its end, from its newest whole checkpoint when there is one.

    Returns the final record. Interrupted (after saving) on Ctrl-C; TinylmError with exit code 1 when training diverges
    and no policy helps.
    """
    keep_freed_memory()
    use_physical_cores()
    setup = set_up(config, dataset)
    checkpoints = Checkpoints(run, keep=config.training.keep_checkpoints)
    found = checkpoints.newest_whole()
    progress = Progress(step=0, total_steps=0, start_timestamp=now()) if found is None else found.record.progress
    # The length by the clock depends on how fast a step is; where it is known, a finished run compiles nothing.
    by_clock = config.training.minutes is not None and config.training.total_steps is None
    spent = 0.0
    if by_clock:
        setup, spent = decide_compilation(setup, done=progress.step)
    total = decide_total_steps(setup, done=progress.step, spent=spent)
    if _is_finished(progress, total) and checkpoints.has(FINAL):
        print("training: finished already, skipped", file=sys.stderr)
        return checkpoints.read_record(FINAL)
    if progress.step >= total:
        raise TinylmError(
            f"the run in `{run}` has done {progress.step} steps; it was asked for {total} in all",
            "ask for more --epochs",
        )
    setup = _with_length(setup, total)
    if not by_clock:
        setup, _ = decide_compilation(setup, done=progress.step)
    record_config(run, setup.config)
    if found is not None:
        _check_exact(run, found)
        restore(setup, checkpoints, found.name)
    progress = dataclasses.replace(progress, total_steps=total, stopped_early=False)
    with TrainingProgress(total_steps=total, done=progress.step) as bar:
        recorder = Recorder(run, setup, checkpoints, bar, run_id=run_id, progress=progress)
        try:
            if found is None:
                recorder.save(progress, [])  # what a divergence in the first steps goes back to
            else:
                recorder.resumed(found)
            Loop(setup, recorder, dataset.tokenizer()).run(progress)
        finally:
            recorder.close()
    return checkpoints.read_record(FINAL)


def _is_finished(progress: Progress, total: int) -> bool:
    return progress.step == total or (progress.stopped_early and progress.total_steps == total)


def _with_length(setup: Setup, total: int) -> Setup:
    """The length that `minutes` was turned into becomes a part of the configuration."""
    training = setup.training
    if training.minutes is None or training.total_steps is not None:
        return setup
    epochs = math.ceil(total / setup.batches.steps_per_epoch)
    fixed = dataclasses.replace(training, total_steps=total, epochs=epochs)
    return dataclasses.replace(setup, config=dataclasses.replace(setup.config, training=fixed))


def _check_exact(run: Path, found: Found) -> None:
    if found.record.schema == "1.0":
        raise TinylmError(
            f"the checkpoints in `{run}` have schema 1.0, of an earlier tinylm; exact resuming needs {SCHEMA}",
            "export them as they are, or train again with --force",
        )
