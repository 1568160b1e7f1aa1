"""The whole chain of `train-pipeline`: dataset -> training -> evaluation -> export -> budget check.

Each stage is skipped when what it works on is unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.base.records import load_json, write_file
from tinylm.bundle.manifest import MANIFEST
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.store import BUNDLE, DATASETS, EVALUATION
from tinylm.dataset.build import Reuse, make_dataset
from tinylm.dataset.dataset import Dataset
from tinylm.dataset.shards import read_index
from tinylm.dataset.summary import summarise
from tinylm.export.run import export_key, export_run
from tinylm.model import from_weights
from tinylm.report.diagnosis import Diagnosis, diagnose
from tinylm.report.outputs import FILE as REPORT
from tinylm.report.outputs import write_report
from tinylm.settings.plan import Facts, RunPlan, plan
from tinylm.settings.run import RunRequest
from tinylm.training.guards.forgetting import Initial, measure_again
from tinylm.training.guards.preflight import Check
from tinylm.training.run.checkpoint import BEST, WEIGHTS, CheckpointRecord, Checkpoints, load_weights
from tinylm.training.run.metrics import STEPS
from tinylm.training.run.run_folder import default_folder, open_run
from tinylm.training.step.evaluation import Quality, Validation
from tinylm.training.trainer import check, train

Say = Callable[[str], None]
EXPORT = "export.json"
"""What the run's bundle was made of."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training that is to be done, with what it starts from opened."""

    request: RunRequest
    folder: Path | None = None
    """The run folder; none: `runs/PRESET-CORPUS-HASH`."""
    reuse: Reuse | None = None
    initial: Initial | None = None
    trackers: tuple[str, ...] = ()
    terms: Path | None = None
    """A file of words that the tokenizer's fit is measured on, too."""
    root: Path = DATASETS
    force: bool = False
    """Make the run and its dataset again."""
    resume: bool = False
    """Continue the run that is in `folder`, perhaps by another recipe."""
    further: bool = False
    """Decide its length anew."""


@dataclass
class PipelineResult:
    """Where things are, and how long each stage took."""

    run: Path
    config: RunPlan
    bundle: Bundle
    quality: dict[str, Quality]
    """Of the best checkpoint, in fp32."""
    stage_seconds: dict[str, float] = field(default_factory=dict)
    diagnoses: tuple[Diagnosis, ...] = ()
    """What the report finds in the training, the gravest first."""


def run_pipeline(job: Job, *, say: Say) -> PipelineResult:
    """Train and export; a run that is there with the same request is continued."""
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal started
        seconds[stage] = time.perf_counter() - started
        started = time.perf_counter()

    say("[1/4] corpus, tokenizer and tokens")
    dataset, facts = prepare_dataset(job, say=say)
    lap("dataset")
    with _trained(job, dataset, facts, heading="[2/4] training in", say=say) as (folder, final):
        lap("training")

        say("[3/4] evaluation of the best checkpoint, in fp32")
        quality = evaluate_run(folder, BEST, dataset, say=say)
        lap("evaluation")

        say("[4/4] export to INT8")
        bundle = _export(folder, Checkpoints(folder).read_record(BEST), say)
        lap("export")
        diagnoses = _report(folder, say)
    return PipelineResult(folder, final.config, bundle, quality, seconds, diagnoses)


def run_training(job: Job, *, say: Say) -> Path:
    """The first half of `run_pipeline`: dataset and training; returns the run folder."""
    dataset, facts = prepare_dataset(job, say=say)
    with _trained(job, dataset, facts, heading="training in", say=say) as (folder, _):
        _report(folder, say)
    return folder


def check_training(job: Job, folder: Path, *, say: Say) -> tuple[list[Check], list[tuple[int, float]]]:
    """The checks before the training, and the learning rate of some steps; `folder` is on the run's disk."""
    dataset, facts = prepare_dataset(job, say=say)
    return check(folder, job.request, facts, dataset, initial=job.initial)


def prepare_dataset(job: Job, *, say: Say) -> tuple[Dataset, Facts]:
    """The job's dataset, built where it is missing, and what it decides of the plan."""
    dataset = make_dataset(job.request, reuse=job.reuse, terms=job.terms, force=job.force, root=job.root, progress=say)
    for line in summarise(dataset):
        say(line)
    return dataset, dataset.facts(None if job.initial is None else job.initial.model)


@contextmanager
def _trained(
    job: Job, dataset: Dataset, facts: Facts, *, heading: str, say: Say
) -> Iterator[tuple[Path, CheckpointRecord]]:
    """The run's folder and final checkpoint, held by this process."""
    asked = plan(job.request, facts)
    folder = job.folder or default_folder(asked)
    with open_run(folder, asked, force=job.force, resume=job.resume, further=job.further) as (measured, run_id):
        say(f"{heading} {folder}")
        try:
            final = train(
                folder,
                job.request,
                facts,
                dataset,
                run_id=run_id,
                measured=measured,
                initial=job.initial,
                trackers=job.trackers,
            )
        except TinylmError:
            if (folder / STEPS).is_file():  # a run that diverged needs its report most
                _report(folder, say)
            raise
        if job.request.init_from is not None:
            measure_again(folder, dataset.tokenizer(), say=say)
        yield folder, final


def _report(folder: Path, say: Say) -> tuple[Diagnosis, ...]:
    """Write the run's report, and say what it finds that more or other training would mend."""
    diagnoses = diagnose(write_report(folder).runs[0])
    for found in diagnoses:
        if found.kind != "slow":  # usual on a laptop, and the report has it
            say(found.line)
            say(f"  {found.advice}")
    say(f"report: {folder / REPORT}")
    return diagnoses


def evaluate_run(run: Path, checkpoint: str, dataset: Dataset, *, say: Say) -> dict[str, Quality]:
    """Quality of a checkpoint on its dataset's validation text in fp32; written to the run's `evaluation.json`."""
    path = run / EVALUATION
    record = Checkpoints(run).read_record(checkpoint)
    key = {
        "checkpoint_step": record.progress.step,
        "weights_sha256": record.files[WEIGHTS],
        "dataset": dataset.hash,
    }
    if path.is_file():
        try:
            known = load_json(path, "")
            if {name: known.get(name) for name in key} == key:
                return {language: Quality(**value) for language, value in known["quality"].items()}
        except (TinylmError, TypeError, KeyError, AttributeError):
            pass  # a damaged record is simply measured again
    config, weights = load_weights(run, checkpoint)
    index = read_index(dataset.tokens)
    validation = Validation(dataset.tokens, index, context_length=config.context_length)
    with ProgressBar("evaluation", say=say):
        quality = validation.evaluate(from_weights(config, weights), dtype=torch.float32)
    write_file(path, {"schema": "1.0", **key, "quality": quality})
    return quality


def _export(run: Path, record: CheckpointRecord, say: Say) -> Bundle:
    """Export the best checkpoint, unless the bundle that is there was made here of the same by this tinylm."""
    folder = run / BUNDLE
    made_of = export_key(record, scheme="int8")
    if (folder / MANIFEST).is_file():
        try:
            bundle = open_bundle(folder)
        except TinylmError as error:
            say(f"export: {error.message}; made again")
        else:
            # The bundle's own hash tells one that another command has put there since.
            if _read_export(run) == {"schema": "1.0", **made_of, "manifest_sha256": bundle.manifest_sha256}:
                say("export: unchanged, skipped")
                return bundle
    bundle = export_run(run, checkpoint=BEST, scheme="int8", folder=folder, progress=say).bundle
    write_file(run / EXPORT, {"schema": "1.0", **made_of, "manifest_sha256": bundle.manifest_sha256})
    return bundle


def _read_export(run: Path) -> object:
    """A run's `export.json`; None when it is missing or damaged: then the bundle is simply made again."""
    try:
        return load_json(run / EXPORT, "")
    except TinylmError:
        return None
