"""The whole chain of `train-pipeline`: dataset -> training -> evaluation -> export -> budget check.

Each stage is skipped when what it works on is unchanged.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.base.progress import ProgressBar
from tinylm.bundle.manifest import MANIFEST
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.store import BUNDLE, EVALUATION
from tinylm.dataset.build import DATASETS, Dataset, Reuse, make_dataset
from tinylm.dataset.shards import read_index
from tinylm.dataset.summary import summarise
from tinylm.export.run import export_key, export_run
from tinylm.model import from_weights
from tinylm.report.diagnosis import Diagnosis, diagnose
from tinylm.report.outputs import FILE as REPORT
from tinylm.report.outputs import write_report
from tinylm.settings.run import RunConfig
from tinylm.training.guards.forgetting import Initial, measure_again
from tinylm.training.run.checkpoint import BEST, WEIGHTS, CheckpointRecord, Checkpoints, load_weights
from tinylm.training.run.metrics import STEPS
from tinylm.training.run.run_folder import default_folder, open_run
from tinylm.training.step.evaluation import Quality, Validation
from tinylm.training.trainer import train

Say = Callable[[str], None]
EXPORT = "export.json"
"""What the run's bundle was made of."""


@dataclass
class PipelineResult:
    """Where things are, and how long each stage took."""

    run: Path
    config: RunConfig
    bundle: Bundle
    quality: dict[str, Quality]
    """Of the best checkpoint, in fp32."""
    stage_seconds: dict[str, float] = field(default_factory=dict)
    diagnoses: tuple[Diagnosis, ...] = ()
    """What the report finds in the training, the gravest first."""


def run_pipeline(
    config: RunConfig,
    *,
    folder: Path | None,
    reuse: Reuse | None = None,
    initial: Initial | None = None,
    trackers: Sequence[str] = (),
    terms: Path | None = None,
    force: bool = False,
    extend: bool = False,
    say: Say,
) -> PipelineResult:
    """Train and export what `config` describes in `folder`, by default `runs/PRESET-CORPUS-HASH`.

    A run that is there with the same settings is continued. `config.dataset` is filled in here.
    """
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal started
        seconds[stage] = time.perf_counter() - started
        started = time.perf_counter()

    say("[1/4] corpus, tokenizer and tokens")
    config, dataset = prepare_dataset(config, reuse=reuse, terms=terms, force=force, say=say)
    lap("dataset")
    folder = folder or default_folder(config)
    with open_run(folder, config, force=force, extend=extend) as (config, run_id):
        say(f"[2/4] training in {folder}")
        final = _train(folder, config, dataset, run_id=run_id, initial=initial, trackers=trackers, say=say)
        lap("training")

        say("[3/4] evaluation of the best checkpoint, in fp32")
        quality = evaluate_run(folder, BEST, dataset, say=say)
        lap("evaluation")

        say("[4/4] export to INT8")
        bundle = _export(folder, Checkpoints(folder).read_record(BEST), say)
        lap("export")
        diagnoses = _report(folder, say)
    return PipelineResult(folder, final.config, bundle, quality, seconds, diagnoses)


def run_training(
    config: RunConfig,
    *,
    folder: Path | None,
    reuse: Reuse | None = None,
    initial: Initial | None = None,
    trackers: Sequence[str] = (),
    terms: Path | None = None,
    force: bool = False,
    extend: bool = False,
    say: Say,
) -> Path:
    """The first half of `run_pipeline`: dataset and training; returns the run folder."""
    config, dataset = prepare_dataset(config, reuse=reuse, terms=terms, force=force, say=say)
    folder = folder or default_folder(config)
    with open_run(folder, config, force=force, extend=extend) as (config, run_id):
        say(f"training in {folder}")
        _train(folder, config, dataset, run_id=run_id, initial=initial, trackers=trackers, say=say)
        _report(folder, say)
    return folder


def prepare_dataset(
    config: RunConfig,
    *,
    reuse: Reuse | None = None,
    terms: Path | None = None,
    force: bool = False,
    root: Path = DATASETS,
    say: Say,
) -> tuple[RunConfig, Dataset]:
    """The dataset that `config` describes, built where it is missing; and `config` with what the dataset decides."""
    dataset = make_dataset(config, reuse=reuse, terms=terms, force=force, root=root, progress=say)
    tokenizer = dataclasses.replace(dataset.record.tokenizer, vocab_size=dataset.vocab_size)
    model = dataclasses.replace(config.model, vocab_size=tokenizer.vocab_size)
    config = dataclasses.replace(
        config,
        tokenizer=tokenizer,
        fitting_vocabulary=True,
        model=model,
        dataset=dataset.hash,
        validation_text=dataset.validation_text,
    )
    for line in summarise(dataset):
        say(line)
    return config, dataset


def _train(
    folder: Path,
    config: RunConfig,
    dataset: Dataset,
    *,
    run_id: str,
    initial: Initial | None,
    trackers: Sequence[str],
    say: Say,
) -> CheckpointRecord:
    try:
        final = train(folder, config, dataset, run_id=run_id, initial=initial, trackers=trackers)
    except TinylmError:
        if (folder / STEPS).is_file():  # a run that diverged needs its report most
            _report(folder, say)
        raise
    if config.init_from is not None:
        measure_again(folder, dataset.tokenizer(), say=say)
    return final


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
            known = json.loads(path.read_text(encoding="utf-8"))
            if {name: known.get(name) for name in key} == key:
                return {language: Quality(**value) for language, value in known["quality"].items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            pass  # a damaged record is simply measured again
    config, weights = load_weights(run, checkpoint)
    index = read_index(dataset.tokens)
    validation = Validation(dataset.tokens, index, context_length=config.context_length)
    with ProgressBar("evaluation", say=say):
        quality = validation.evaluate(from_weights(config, weights), dtype=torch.float32)
    result = {"schema": "1.0", **key, "quality": {name: dataclasses.asdict(value) for name, value in quality.items()}}
    write_atomic(path, (json.dumps(result, indent=1) + "\n").encode())
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
    result = {"schema": "1.0", **made_of, "manifest_sha256": bundle.manifest_sha256}
    write_atomic(run / EXPORT, (json.dumps(result, indent=1) + "\n").encode())
    return bundle


def _read_export(run: Path) -> object:
    """A run's `export.json`; None when it is missing or damaged: then the bundle is simply made again."""
    try:
        return json.loads((run / EXPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
