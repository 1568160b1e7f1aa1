"""Reading a run for its report: every part is checked, and what is missing or damaged is named instead of guessed.

Only `config.toml` is needed; a run that is young, interrupted, or of an earlier version has a report of what there is.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.bundle.manifest import MANIFEST
from tinylm.bundle.store import BUNDLE, CONFIG, DATASETS, NAMED_CHECKPOINTS, find_run
from tinylm.corpus.corpus_files import CorpusRecord, read_record
from tinylm.dataset.dataset import CORPUS, open_dataset
from tinylm.dataset.shards import TRAIN, Index, read_index
from tinylm.machine.memory import read_memory
from tinylm.report.counting import bigram_bits_per_byte, unseen_share
from tinylm.report.text import EpochSamples, read_samples, words_of
from tinylm.settings.plan import RunPlan, read_plan
from tinylm.tokenizer.training import TokenizerStatistics, read_statistics
from tinylm.training.run.metrics import (
    STEPS,
    SUMMARY,
    EvaluationMetrics,
    Event,
    StepMetrics,
    read_evaluations,
    read_events,
    read_steps,
)

T = TypeVar("T")
_LARGEST = 3.5e38  # of fp32: nothing that training computes is larger, and sums of it stay finite


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """What the run's dataset says of itself."""

    corpus: CorpusRecord
    tokenizer: TokenizerStatistics
    index: Index
    words: frozenset[str]
    """Words of the training text, in lower case: of its first megabytes, when it is long."""
    unseen: float = 0.0
    """Share of the validation text's words that is not among them."""
    bigram_bpb: float | None = None
    """Bits per byte of a table of which piece follows which, on the validation text."""
    validation_text: str | None = None
    """Hash of the text that is validated on."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as its report sees it. Losses in nats per token."""

    name: str
    config: RunPlan
    folder: Path = Path("runs")
    """Where it lies, as commands name it."""
    steps: tuple[StepMetrics, ...] = ()
    """In order, each step once: what was done again after a rollback counts as it was done last."""
    evaluations: tuple[EvaluationMetrics, ...] = ()
    events: tuple[Event, ...] = ()
    samples: tuple[EpochSamples, ...] = ()
    total_steps: int | None = None
    """Steps that the run was asked for."""
    started: str = ""
    utilisation: float | None = None
    """Share of the batches' places that hold tokens, where the run recorded it."""
    parameters: int | None = None
    exported: bool = False
    """Whether it has a bundle."""
    dataset: DatasetFacts | None = None
    hashes: tuple[tuple[str, str], ...] = ()
    """What identifies the run: names and hashes."""
    machine_memory_mb: float | None = None
    """What a process may have on the machine that makes the report."""
    missing: tuple[str, ...] = ()
    """What could not be read, and why."""

    @property
    def tokens_per_step(self) -> int:
        """Places in the batch of one step."""
        return self.config.training.batch_size * self.config.model.context_length

    @property
    def validation_text(self) -> str | None:
        """Hash of the text that is validated on; None where neither the run nor a dataset says it."""
        found = None if self.dataset is None else self.dataset.validation_text
        return self.config.validation_text or found

    @property
    def validation_tokens(self) -> tuple[str, ...] | None:
        """Hashes of that text in tokens; None where the dataset is not here."""
        if self.dataset is None:
            return None
        shards = sorted((name, shard) for name, shard in self.dataset.index.shards.items() if name != TRAIN)
        return tuple(f"{name} {part.sha256}" for name, shard in shards for part in shard.parts)

    @property
    def finished(self) -> bool:
        """Whether the last planned step was done, or the run ended early by its own decision."""
        if not self.steps:
            return False
        last = self.steps[-1].step
        if any(event.event == "early_stop" and event.step == last for event in self.events):
            return True
        return self.total_steps is not None and last >= self.total_steps


@dataclass
class _Reader:
    """Reads one part after another, and collects what failed."""

    folder: Path
    missing: list[str] = field(default_factory=list)

    def attempt(self, read: Callable[[], T]) -> T | None:
        """What `read` gives; None, and a line in `missing`, when it fails."""
        try:
            return read()
        except TinylmError as error:
            self.missing.append(error.message)
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            self.missing.append(f"cannot be read: {error}")
        return None

    def document(self, name: str, *, needed: bool = True) -> dict[str, object]:
        """A JSON object of the run; empty when there is none."""
        path = self.folder / name
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if needed:
                self.missing.append(f"there is no `{name}`")
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self.missing.append(f"`{name}` cannot be read: {error}")
            return {}
        if not isinstance(data, dict):
            self.missing.append(f"`{name}` is no table")
            return {}
        return data


def read_run(folder: Path) -> Run:
    """The run in `folder`; TinylmError when it is no run or its configuration is damaged."""
    config = read_plan(find_run(folder) / CONFIG)
    reader = _Reader(folder)
    summary = reader.document(SUMMARY)
    steps = _steps(reader)
    checkpoints = {
        name: reader.document(f"checkpoints/{name}/checkpoint.json", needed=False) for name in NAMED_CHECKPOINTS
    }
    manifest = reader.document(f"{BUNDLE}/{MANIFEST}", needed=False)
    if not any(checkpoints.values()):
        reader.missing.append("there is no checkpoint yet")
    events = tuple(event for event in reader.attempt(lambda: read_events(folder)) or () if _is_count(event.step))
    samples = reader.attempt(lambda: read_samples(folder)) or ()
    if not samples:
        reader.missing.append("there are no samples of text yet")
    evaluations = _evaluations(reader, summary, steps)
    if not evaluations:
        reader.missing.append("no evaluation was done yet")
    saved = max((_count(found, "progress", "step") or 0 for found in checkpoints.values()), default=0)
    if steps and steps[-1].step < saved:
        reader.missing.append(
            f"`metrics.jsonl` breaks off at step {steps[-1].step:,}; there is a checkpoint of step {saved:,}"
        )
    planned = [_count(checkpoints[name], "progress", "total_steps") for name in ("last", "final")]
    return Run(
        name=folder.resolve().name,
        config=config,
        folder=folder,
        steps=steps,
        evaluations=evaluations,
        events=events,
        samples=samples,
        total_steps=next((total for total in planned if total), config.training.total_steps),
        started=_string(summary, "start_timestamp"),
        utilisation=_number(summary, "extra", "utilisation"),
        exported=bool(manifest),
        parameters=_count(manifest, "quantization", "parameters"),
        dataset=_dataset(reader, config),
        hashes=tuple(_hashes(config, summary, checkpoints, manifest)),
        machine_memory_mb=read_memory(Path("/")).most_mb,
        missing=tuple(reader.missing),
    )


def _steps(reader: _Reader) -> tuple[StepMetrics, ...]:
    rows = reader.attempt(lambda: read_steps(reader.folder)) or []
    sound = [
        row
        for row in rows
        if _is_logged(row, row.loss, row.lr, row.grad_norm, row.tokens_per_second, row.grad_norm_clipped, row.memory_mb)
    ]
    if not sound:
        reader.missing.append(f"there is no step in `{STEPS}`")
    elif len(sound) < len(rows):
        reader.missing.append(f"`{STEPS}` has {len(rows) - len(sound)} lines that are no steps; they are left out")
    latest = {row.step: row for row in sound}
    return tuple(latest[step] for step in sorted(latest))


def _evaluations(
    reader: _Reader, summary: dict[str, object], steps: tuple[StepMetrics, ...]
) -> tuple[EvaluationMetrics, ...]:
    """From `metrics.jsonl`; a run of an earlier version has them in its epoch history alone."""
    found = reader.attempt(lambda: read_evaluations(reader.folder)) or list(_history(summary, steps))
    latest = {row.step: row for row in found if _is_logged(row, row.val_loss, *row.val_bpb.values())}
    return tuple(latest[step] for step in sorted(latest))


def _history(summary: dict[str, object], steps: tuple[StepMetrics, ...]) -> Iterator[EvaluationMetrics]:
    ends = {row.epoch: row.step for row in steps}
    history = summary.get("epoch_history")
    for entry in history if isinstance(history, list) else []:
        epoch = _at(entry, "epoch")
        if isinstance(epoch, int) and (step := ends.get(epoch)):
            row = {
                "step": step,
                "epoch": epoch,
                "val_loss": _at(entry, "val_loss"),
                "val_bpb": entry.get("val_bpb", {}),
            }
            with contextlib.suppress(TinylmError):  # an epoch that was not evaluated
                yield read(EvaluationMetrics, row, SUMMARY)


def _is_logged(row: StepMetrics | EvaluationMetrics, *values: float | None) -> bool:
    """Whether training can have logged such a row; the types are right already."""
    in_range = (value is None or not math.isfinite(value) or abs(value) <= _LARGEST for value in values)
    return _is_count(row.step) and _is_count(row.epoch) and all(in_range)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _dataset(reader: _Reader, config: RunPlan) -> DatasetFacts | None:
    """The dataset lies in `datasets/`, of the folder that tinylm is called in, or beside the run's `runs/`."""
    name = config.dataset
    if name is None or Path(name).name != name:
        reader.missing.append("the run names no dataset")
        return None
    roots = [DATASETS, reader.folder.resolve().parent.parent / DATASETS]
    root = next((root for root in roots if (root / name).is_dir()), None)
    if root is None:
        reader.missing.append(f"the dataset `{name}` is not here; make the report where `datasets/` lies to see it")
        return None

    def read() -> DatasetFacts:
        dataset = open_dataset(name, root=root)
        index, known = read_index(dataset.tokens), words_of(dataset.path / "train.jsonl")
        return DatasetFacts(
            corpus=read_record(dataset.path / CORPUS),
            tokenizer=read_statistics(dataset.path),
            index=index,
            validation_text=dataset.validation_text,
            words=known,
            unseen=unseen_share(dataset.path / "val.jsonl", known),
            bigram_bpb=bigram_bits_per_byte(dataset.tokens, index),
        )

    return reader.attempt(read)


def _hashes(
    config: RunPlan,
    summary: dict[str, object],
    checkpoints: dict[str, dict[str, object]],
    manifest: dict[str, object],
) -> Iterable[tuple[str, str]]:
    if run_id := _string(summary, "run_id"):
        yield "run", run_id
    if config.dataset:
        yield "dataset", config.dataset
    for name, record in checkpoints.items():
        files = record.get("files")
        for file, digest in files.items() if isinstance(files, dict) else ():
            if isinstance(digest, str):
                yield f"checkpoint {name}, {file}", digest
    commits = (_string(record, "environment", "commit") for record in checkpoints.values())
    commit = next(filter(None, commits), "") or _string(manifest, "provenance", "git_commit")
    yield "git commit", commit or "not recorded"
    files = manifest.get("files")
    for file, entry in files.items() if isinstance(files, dict) else ():
        if digest := _string(entry, "sha256"):
            yield f"bundle, {file}", digest


def _at(data: object, *path: str) -> object:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _number(data: object, *path: str) -> float | None:
    """The finite number at a path of keys; None when there is none."""
    value = _at(data, *path)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        return None
    return float(value)


def _count(data: object, *path: str) -> int | None:
    """The count at a path of keys; None when there is none."""
    value = _at(data, *path)
    return value if isinstance(value, int) and _is_count(value) else None


def _string(data: object, *path: str) -> str:
    value = _at(data, *path)
    return value if isinstance(value, str) else ""
