"""Training a run to its end: decide, check, continue where it stopped, loop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tinylm.base.errors import TinylmError, say
from tinylm.base.progress import ProgressBar
from tinylm.bundle.store import CONFIG
from tinylm.corpus.corpus_files import read_pieces
from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import UNMEASURED, Facts, Measurements, write_plan
from tinylm.settings.run import RunRequest
from tinylm.training.allocator import give_back_freed_memory
from tinylm.training.guards.forgetting import Initial, start_from
from tinylm.training.guards.preflight import Check, learning_rate_curve, preflight, require
from tinylm.training.loop import run_steps
from tinylm.training.run.checkpoint import FINAL, SCHEMA, CheckpointRecord, Checkpoints, Found, restore
from tinylm.training.run.progress import Progress
from tinylm.training.run.recorder import Recorder, now
from tinylm.training.run.trackers import open_trackers
from tinylm.training.step.samples import sample_prompts
from tinylm.training.step.setup import Setup
from tinylm.training.tuning.decide import decide


def train(
    run: Path,
    request: RunRequest,
    facts: Facts,
    dataset: Dataset,
    *,
    run_id: str,
    measured: Measurements = UNMEASURED,
    initial: Initial | None = None,
    trackers: Sequence[str] = (),
) -> CheckpointRecord:
    """Train the run in the folder `run` to its end, from its newest whole checkpoint when there is one.

    `measured` is what the run has recorded of an earlier start. A new run starts from `initial`, when that is given,
    else from random weights. The curves go to the run's `metrics.jsonl` and to the named `trackers`. Returns the final
    record. Interrupted (after saving) on Ctrl-C; TinylmError with exit code 1 when a check before it fails, or when
    training diverges and no policy helps.
    """
    checkpoints = Checkpoints(run, keep=request.training.keep_checkpoints)
    found = checkpoints.newest_whole()
    progress = _beginning() if found is None else found.record.progress
    setup, total = decide(request, facts, measured, dataset, progress)
    with setup.batches:
        if progress.is_finished(total) and checkpoints.has(FINAL):
            say("training: finished already, skipped")
            return checkpoints.read_record(FINAL)
        if progress.step >= total:
            raise TinylmError(
                f"the run in `{run}` has done {progress.step} steps; it was asked for {total} in all",
                "ask for more --epochs",
            )
        write_plan(setup.plan, run / CONFIG)
        tokenizer = dataset.tokenizer()
        prompts = sample_prompts(read_pieces(dataset.path / "val.jsonl"), tokenizer)
        if found is not None:
            _check_exact(run, found)
            restore(setup, checkpoints, found.name)
        elif initial is not None:
            start_from(run, initial, setup.model, tokenizer)
            if setup.average is not None:
                setup.average.reset()
        elif request.init_from is not None:
            raise TinylmError(
                f"the run in `{run}` was to start from `{request.init_from}` and ended before it did",
                "run the command that began it again, without --resume",
            )
        progress = progress.planned(total)
        _check(run, setup, progress)
        with (
            ProgressBar("training", total=total, done=progress.step, unit="steps", say=say) as bar,
            open_trackers(trackers, run, run_id=run_id, settings=setup.plan.settings(), step=progress.step) as tracked,
        ):
            give_back_freed_memory()  # the checks, and what was timed
            recorder = Recorder(run, setup, checkpoints, bar, tracked, run_id=run_id, progress=progress)
            try:
                recorder.begin(progress, found)
                run_steps(setup, recorder, progress, tokenizer=tokenizer, prompts=prompts)
            finally:
                recorder.close()
    return checkpoints.read_record(FINAL)


def check(
    folder: Path, request: RunRequest, facts: Facts, dataset: Dataset, *, initial: Initial | None = None
) -> tuple[list[Check], list[tuple[int, float]]]:
    """Every check of a new run, and its learning-rate curve; nothing is trained, `folder` is on the run's disk."""
    setup, total = decide(request, facts, UNMEASURED, dataset, _beginning())
    if initial is not None:
        setup.model.load_state_dict({name: torch.from_numpy(value) for name, value in initial.weights.items()})
    with setup.batches:
        checks = preflight(folder, setup, progress=_beginning().planned(total), full=True)
        return checks, learning_rate_curve(setup, total, points=60)


def _beginning() -> Progress:
    return Progress(step=0, total_steps=0, start_timestamp=now())


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


def _check_exact(run: Path, found: Found) -> None:
    if found.record.schema == "1.0":
        raise TinylmError(
            f"the checkpoints in `{run}` have schema 1.0, of an earlier tinylm; exact resuming needs {SCHEMA}",
            "train again with --force",
        )
