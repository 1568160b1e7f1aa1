"""Training a run to its end: set up, continue where it stopped, loop."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from tinylm.base.errors import TinylmError, say
from tinylm.base.progress import ProgressBar
from tinylm.corpus.building.build import read_pieces
from tinylm.dataset.build import Dataset
from tinylm.settings.run import RunConfig
from tinylm.training.allocator import give_back_freed_memory, keep_freed_memory
from tinylm.training.device import use_physical_cores
from tinylm.training.guards.forgetting import Initial, start_from
from tinylm.training.guards.preflight import Check, learning_rate_curve, preflight, require
from tinylm.training.loop import Interrupted, Loop
from tinylm.training.run.checkpoint import FINAL, SCHEMA, CheckpointRecord, Checkpoints, Found, Progress
from tinylm.training.run.recorder import Recorder, now
from tinylm.training.run.run_folder import record_config
from tinylm.training.run.state import restore
from tinylm.training.run.trackers import open_trackers
from tinylm.training.step.samples import sample_prompts
from tinylm.training.step.setup import Setup, set_up
from tinylm.training.tuning.batch_size import decide_batch_size
from tinylm.training.tuning.compilation import decide_compilation
from tinylm.training.tuning.length import decide_total_steps

__all__ = ["Interrupted", "check", "train"]


def train(
    run: Path,
    config: RunConfig,
    dataset: Dataset,
    *,
    run_id: str,
    initial: Initial | None = None,
    trackers: Sequence[str] = (),
) -> CheckpointRecord:
    """Train the run in the folder `run` to its end, from its newest whole checkpoint when there is one.

    A new run starts from `initial`, when that is given, else from random weights. The curves go to the run's
    `metrics.jsonl` and to the named `trackers`. Returns the final record.
    Interrupted (after saving) on Ctrl-C; TinylmError with exit code 1 when a check before it fails, or when training
    diverges and no policy helps.
    """
    checkpoints = Checkpoints(run, keep=config.training.keep_checkpoints)
    found = checkpoints.newest_whole()
    progress = Progress(step=0, total_steps=0, start_timestamp=now()) if found is None else found.record.progress
    setup, total = _decide(config, dataset, progress)
    with setup.batches:
        if _is_finished(progress, total) and checkpoints.has(FINAL):
            say("training: finished already, skipped")
            return checkpoints.read_record(FINAL)
        if progress.step >= total:
            raise TinylmError(
                f"the run in `{run}` has done {progress.step} steps; it was asked for {total} in all",
                "ask for more --epochs",
            )
        record_config(run, setup.config)
        tokenizer = dataset.tokenizer()
        prompts = sample_prompts(read_pieces(dataset.path / "val.jsonl"), tokenizer)
        if found is not None:
            _check_exact(run, found)
            restore(setup, checkpoints, found.name)
        elif initial is not None:
            start_from(run, initial, setup.model, tokenizer)
            if setup.average is not None:
                setup.average.reset()
        elif config.init_from is not None:
            raise TinylmError(
                f"the run in `{run}` was to start from `{config.init_from}` and ended before it did",
                "run the command that began it again, without --resume",
            )
        if progress.total_steps != total:
            progress = _planned_anew(progress, total)
        _check(run, setup, progress)
        with (
            ProgressBar("training", total=total, done=progress.step, unit="steps", say=say) as bar,
            open_trackers(
                trackers, run, run_id=run_id, settings=_settings(setup.config), step=progress.step
            ) as tracked,
        ):
            give_back_freed_memory()  # the checks, and what was timed
            recorder = Recorder(run, setup, checkpoints, bar, tracked, run_id=run_id, progress=progress)
            try:
                if found is None:
                    recorder.save(progress, [])  # what a divergence in the first steps goes back to
                else:
                    recorder.resumed(found)
                Loop(setup, recorder, tokenizer, prompts=prompts).run(progress)
            finally:
                recorder.close()
    return checkpoints.read_record(FINAL)


def check(
    folder: Path, config: RunConfig, dataset: Dataset, *, initial: Initial | None = None
) -> tuple[list[Check], list[tuple[int, float]]]:
    """Every check of a new run, and its learning-rate curve; nothing is trained, `folder` is on the run's disk."""
    start = Progress(step=0, total_steps=0, start_timestamp=now())
    setup, total = _decide(config, dataset, start)
    if initial is not None:
        setup.model.load_state_dict({name: torch.from_numpy(value) for name, value in initial.weights.items()})
    progress = dataclasses.replace(start, total_steps=total)
    with setup.batches:
        return preflight(folder, setup, progress=progress, full=True), learning_rate_curve(setup, total, points=60)


def _check(run: Path, setup: Setup, progress: Progress) -> None:
    """The short checks, and how full the rows are, in two lines."""
    checks = preflight(run, setup, progress=progress)
    require(checks)
    say("checked: " + ", ".join(check.name for check in checks))
    batches = setup.batches
    if setup.training.separate_documents:
        say(
            f"rows: {batches.sequences:,} an epoch, {batches.utilisation:.1%} of their slots filled"
            f" ({batches.padding_utilisation:.1%} if each document had rows of its own)"
        )


def _decide(config: RunConfig, dataset: Dataset, progress: Progress) -> tuple[Setup, int]:
    """What is measured once and recorded: the batch size, whether to compile, and the steps of the whole run.

    Where the length is known without measuring, nothing is compiled for a run that is finished.
    """
    keep_freed_memory()
    use_physical_cores()
    started = time.perf_counter()
    if config.training.batch_size_auto == "wanted":
        config = decide_batch_size(config, dataset, say=say)
    spent = time.perf_counter() - started
    setup = set_up(config, dataset)
    by_clock = config.training.minutes is not None and config.training.total_steps is None
    if not by_clock and _is_finished(progress, total := decide_total_steps(setup, done=progress.step)):
        return setup, total
    started = time.perf_counter()
    setup = decide_compilation(setup, done=progress.step)
    spent += time.perf_counter() - started
    total = decide_total_steps(setup, done=progress.step, spent=spent)
    return _with_length(setup, total), total


def _planned_anew(progress: Progress, total: int) -> Progress:
    """A new run, or one that is trained further: patience and what divergences led to begin again."""
    return dataclasses.replace(
        progress,
        total_steps=total,
        stopped_early=False,
        patience_from=len(progress.evaluations),
        rollbacks=0,
        lr_scale=1.0,
    )


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
            "train again with --force",
        )


def _settings(config: RunConfig) -> dict[str, object]:
    """A run's settings as trackers show them: `training.batch_size` and so on."""
    settings: dict[str, object] = {}
    for name, value in dataclasses.asdict(config).items():
        inner = value if isinstance(value, dict) else {"": value}
        settings |= {f"{name}.{key}".rstrip("."): each for key, each in inner.items()}
    return settings
