"""What a run writes down: `metrics.jsonl` while it goes, `training_metrics.json` at every epoch's end.

`metrics.jsonl` has three kinds of lines: a step (every one), an evaluation, an event. Each kind has its reader here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.base.records import read
from tinylm.settings.plan import RunPlan
from tinylm.training.run.append_log import AppendLog

if TYPE_CHECKING:  # reading a run's metrics needs no torch
    from tinylm.training.run.checkpoint import CheckpointRecord

STEPS = "metrics.jsonl"
SUMMARY = "training_metrics.json"

EventKind = Literal["spike", "leap", "nan", "rollback", "early_stop", "resumed", "overfitting", "plateau"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepMetrics:
    """One optimizer step."""

    step: int
    """Steps done, this one included."""
    epoch: int
    loss: float
    """Cross-entropy of the step's batch in nats per token."""
    lr: float
    grad_norm: float
    """Before clipping."""
    tokens_per_second: float
    grad_norm_clipped: float | None = None
    memory_mb: float | None = None
    """Resident memory of the process, 10^6 bytes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationMetrics:
    """Validation after `step` steps."""

    step: int
    epoch: int
    val_loss: float
    val_bpb: dict[str, float]
    """Bits per byte per language, and `all`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """Something that a person should know, in a sentence."""

    step: int
    event: EventKind
    detail: str


Row = TypeVar("Row", StepMetrics, EvaluationMetrics, Event)


class MetricsLog:
    """Appends to `metrics.jsonl`, from what a checkpoint knew of it on."""

    def __init__(self, run: Path, *, size: int | None) -> None:
        self._log = AppendLog(run / STEPS, size=size)

    def write(self, row: StepMetrics | EvaluationMetrics | Event) -> None:
        self._log.write(json.dumps(dataclasses.asdict(row), ensure_ascii=False) + "\n")

    def rewind(self, size: int) -> None:
        """Drop the steps and evaluations after the first `size` bytes, and keep the events: they happened."""
        later = self._log.read_from(size).splitlines(keepends=True)
        self._log.cut(size)
        self._log.write("".join(line for line in later if "event" in json.loads(line)))

    def sync(self) -> int:
        return self._log.sync()

    def close(self) -> None:
        self._log.close()


def read_steps(run: Path) -> list[StepMetrics]:
    """The steps in order; TinylmError at a line that is damaged, except a last one that a power cut left unfinished."""
    return list(_rows(run, StepMetrics))


def read_evaluations(run: Path) -> list[EvaluationMetrics]:
    """The evaluations in order; errors as `read_steps`."""
    return list(_rows(run, EvaluationMetrics))


def read_events(run: Path) -> list[Event]:
    """The events in order; errors as `read_steps`."""
    return list(_rows(run, Event))


def _rows(run: Path, wanted: type[Row]) -> Iterator[Row]:
    path = run / STEPS
    if not path.is_file():
        return
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", "is this a run folder?") from error
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            return
        where = f"`{path}`, line {number}"
        try:
            data = json.loads(line)
        except ValueError as error:
            raise TinylmError(f"{where} is not valid JSON: {error}", "remove the line, or train again") from error
        if _kind(data) is wanted:
            yield read(wanted, data, where)


def _kind(data: object) -> type:
    if isinstance(data, dict) and "event" in data:
        return Event
    return EvaluationMetrics if isinstance(data, dict) and "val_loss" in data else StepMetrics


def write_summary(run: Path, record: CheckpointRecord, *, utilisation: float, end_timestamp: str) -> None:
    """Write `training_metrics.json`: the reference guide's keys, and what this project adds to them.

    `utilisation` is the share of the batches' slots that hold text.
    """
    from tinylm.training.step.evaluation import ALL  # not at the top: reading a run's metrics needs no torch

    history = record.progress.epoch_history
    if not history:
        return
    final = history[-1]
    best = min(record.progress.evaluations, key=lambda evaluation: evaluation.val_loss)
    summary = {
        "schema": "1.0",
        "run_id": record.run_id,
        "start_timestamp": record.progress.start_timestamp,
        "end_timestamp": end_timestamp,
        "configuration": _configuration(record.config),
        "final_metrics": {
            "best_val_loss": best.val_loss,
            "final_train_loss": final.train_loss,
            "final_val_loss": final.val_loss,
            "total_epochs": final.epoch,
            "total_steps": record.progress.step,
            "final_val_bpb": final.val_bpb,
            "best_val_bpb": best.val_bpb[ALL],
            "training_seconds": record.progress.training_seconds,
        },
        "epoch_history": [dataclasses.asdict(epoch) for epoch in history],
        "extra": {"utilisation": utilisation},
    }
    write_atomic(run / SUMMARY, (json.dumps(summary, ensure_ascii=False, indent=2) + "\n").encode())


def _configuration(config: RunPlan) -> dict[str, object]:
    """The reference guide's five names first, then the whole configuration."""
    return {
        "vocab_size": config.model.vocab_size,
        "batch_size": config.training.batch_size,
        "learning_rate": config.training.learning_rate,
        "num_epochs": config.training.epochs,
        "max_seq_length": config.model.context_length,
        **dataclasses.asdict(config),
    }
