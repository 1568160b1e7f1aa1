"""What a run writes down: `metrics.jsonl` while it goes, `training_metrics.json` at every epoch's end."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tinylm.config import RunConfig
from tinylm.errors import TinylmError
from tinylm.files import write_atomic

if TYPE_CHECKING:  # reading a run's metrics needs no torch
    from tinylm.training.checkpoint import CheckpointRecord

STEPS = "metrics.jsonl"
SUMMARY = "training_metrics.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepMetrics:
    """One logged step."""

    step: int
    epoch: int
    loss: float
    """Cross-entropy of the step's batch in nats per token."""
    lr: float
    grad_norm: float
    """Before clipping."""
    tokens_per_second: float
    grad_norm_clipped: float | None = None
    memory_mb: float | None = None
    """Resident memory of the training process."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationMetrics:
    """The validation text after a step."""

    step: int
    epoch: int
    val_loss: float
    val_bpb: dict[str, float]
    """Bits per byte by language, and of `all`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at a step, such as `spike`, `nan`, `rollback`, `early_stop` or `resumed`."""

    step: int
    event: str
    detail: str = ""


_Line = TypeVar("_Line", StepMetrics, EvaluationMetrics, Event)


class StepLog:
    """Appends to `metrics.jsonl`; lines after the step that a run resumes from are dropped."""

    def __init__(self, run: Path, *, from_step: int) -> None:
        self._path = run / STEPS
        kept = [row for row in read_steps(run) if row.step <= from_step]
        write_atomic(self._path, "".join(_line(row) for row in kept).encode())
        # A line at a time: what is killed has logged what it did.
        self._file = self._path.open("a", encoding="utf-8", buffering=1)

    def write(self, row: StepMetrics) -> None:
        try:
            self._file.write(_line(row))
        except OSError as error:
            raise TinylmError(
                f"cannot write `{self._path}`: {error.strerror}", "free some disk space, then run again to continue"
            ) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the same failure again: `write` has told it
            self._file.close()


def read_steps(run: Path) -> list[StepMetrics]:
    """The logged steps; a last line that a power cut left unfinished is passed over."""
    return _read(run, StepMetrics, "loss")


def read_evaluations(run: Path) -> list[EvaluationMetrics]:
    """The logged evaluations."""
    return _read(run, EvaluationMetrics, "val_loss")


def read_events(run: Path) -> list[Event]:
    """The logged events."""
    return _read(run, Event, "event")


def _read(run: Path, kind: type[_Line], telling: str) -> list[_Line]:
    """The lines of one kind, which the key `telling` tells apart."""
    rows: list[_Line] = []
    if not (run / STEPS).is_file():
        return rows
    for line in (run / STEPS).read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row: dict[str, Any] = json.loads(line)
            if telling in row:
                rows.append(kind(**row))
        except (ValueError, TypeError):
            break
    return rows


def write_summary(run: Path, record: CheckpointRecord, *, end_timestamp: str) -> None:
    """Write `training_metrics.json`: the reference guide's keys, and what this project adds to them."""
    from tinylm.training.evaluation import ALL

    history = record.progress.epoch_history
    if not history:
        return
    final = history[-1]
    summary = {
        "schema": "1.0",
        "run_id": record.run_id,
        "start_timestamp": record.progress.start_timestamp,
        "end_timestamp": end_timestamp,
        "configuration": _configuration(record.config),
        "final_metrics": {
            "best_val_loss": min(epoch.val_loss for epoch in history),
            "final_train_loss": final.train_loss,
            "final_val_loss": final.val_loss,
            "total_epochs": final.epoch,
            "total_steps": record.progress.step,
            "final_val_bpb": final.val_bpb,
            "best_val_bpb": min(epoch.val_bpb[ALL] for epoch in history),
            "training_seconds": record.progress.training_seconds,
        },
        "epoch_history": [dataclasses.asdict(epoch) for epoch in history],
    }
    write_atomic(run / SUMMARY, (json.dumps(summary, ensure_ascii=False, indent=2) + "\n").encode())


def read_summary(run: Path) -> dict[str, object]:
    """The `training_metrics.json` of a run."""
    path = run / SUMMARY
    try:
        summary: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TinylmError(f"cannot read `{path}`: {error}", "train first: `tinylm train-pipeline`") from error
    return summary


def _configuration(config: RunConfig) -> dict[str, object]:
    """The reference guide's five names first, then the whole configuration."""
    return {
        "vocab_size": config.model.vocab_size,
        "batch_size": config.training.batch_size,
        "learning_rate": config.training.learning_rate,
        "num_epochs": config.training.epochs,
        "max_seq_length": config.model.context_length,
        **dataclasses.asdict(config),
    }


def _line(row: StepMetrics) -> str:
    return json.dumps(dataclasses.asdict(row)) + "\n"
