"""Checkpoints: states that training can resume from.

    checkpoints/step-00001200/   model.safetensors, state.pt (optimizer and random state), checkpoint.json
    checkpoints/last, best, final, epoch-0005   links to such folders

A folder is written under a temporary name and renamed; a link is swapped in one rename; folders that no link names are
removed. Weights travel as safetensors; `state.pt` is loaded with `weights_only=True`. Neither format notices a flipped
bit, so the record holds the SHA-256 of both.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray

from tinylm.config import RunConfig
from tinylm.errors import TinylmError
from tinylm.files import sha256, sync_folder
from tinylm.model_config import ModelConfig
from tinylm.records import check_schema, read

SCHEMA = "1.0"
CHECKPOINTS = "checkpoints"
LAST, BEST, FINAL = "last", "best", "final"
WEIGHTS, STATE, RECORD = "model.safetensors", "state.pt", "checkpoint.json"
_DAMAGED = "let `last` point to another folder in checkpoints/, or start over with --force"


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """One line of `epoch_history`; losses in nats per token."""

    epoch: int
    train_loss: float
    val_loss: float
    lr: float
    """The learning rate of the epoch's last step."""
    val_bpb: dict[str, float]
    """Bits per byte per language, and `all`."""
    tokens_per_second: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands; everything that training needs beside weights and optimizer state."""

    step: int
    """Optimizer steps done."""
    total_steps: int
    epoch_loss_sum: float = 0.0
    """Sum of the step losses of the epoch in progress."""
    epoch_steps: int = 0
    best_val_loss: float | None = None
    training_seconds: float = 0.0
    start_timestamp: str = ""
    epoch_history: tuple[EpochMetrics, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    schema: str
    run_id: str
    config: RunConfig
    progress: Progress
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files beside the record; `Checkpoints.save` fills it in."""
    extra: dict[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run folder."""

    def __init__(self, run: Path) -> None:
        self.folder = run / CHECKPOINTS

    def save(
        self,
        record: CheckpointRecord,
        weights: dict[str, NDArray[np.float32]],
        state: dict[str, Any],
        *,
        names: list[str],
    ) -> None:
        """Write a checkpoint and let `names` point to it."""
        target = self.folder / f"step-{record.progress.step:08d}"
        partial = target.with_name(target.name + ".partial")
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            safetensors.numpy.save_file(weights, partial / WEIGHTS)
            torch.save(state, partial / STATE)
            record = replace(record, files={file: sha256(partial / file) for file in (WEIGHTS, STATE)})
            text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
            (partial / RECORD).write_text(text + "\n", encoding="utf-8")
            for file in partial.iterdir():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
            if target.exists():  # the same step again, after an interruption
                shutil.rmtree(target)
            partial.rename(target)
            for name in names:
                self._point(name, target)
            sync_folder(self.folder)
            self._prune()
        except (OSError, safetensors.SafetensorError, RuntimeError) as error:
            # torch.save and safetensors report a full disk in exceptions of their own
            shutil.rmtree(partial, ignore_errors=True)
            raise TinylmError(
                f"cannot write the checkpoint `{target}`: {error}", "free some disk space, then run again to continue"
            ) from error

    def has(self, name: str) -> bool:
        return (self.folder / name / RECORD).is_file()

    def read_record(self, name: str) -> CheckpointRecord:
        """The record of a checkpoint; TinylmError when it is missing or damaged."""
        path = self.folder / name / RECORD
        if not path.is_file():
            known = sorted(p.name for p in self.folder.glob("*") if p.is_symlink())
            raise TinylmError(
                f"no checkpoint `{name}` in `{self.folder}`",
                "there are: " + ", ".join(f"`{n}`" for n in known) if known else "train first: `tinylm train-pipeline`",
            )
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TinylmError(f"cannot read `{path}`: {error}", _DAMAGED) from error
        check_schema(data, major=1, where=f"`{path}`")
        return read(CheckpointRecord, data, f"`{path}`")

    def read_weights(self, name: str) -> dict[str, NDArray[np.float32]]:
        """All tensors by name; TinylmError when the file is truncated or holds anything but finite fp32."""
        path = self._whole(name, WEIGHTS)
        try:
            weights = safetensors.numpy.load_file(path)
        except (OSError, safetensors.SafetensorError) as error:
            raise TinylmError(f"cannot read the weights `{path}`: {error}", _DAMAGED) from error
        for tensor, values in weights.items():
            if values.dtype != np.float32 or not np.isfinite(values).all():
                raise TinylmError(f"`{path}`: `{tensor}` is not finite fp32", _DAMAGED)
        return weights

    def read_state(self, name: str) -> dict[str, Any]:
        """Optimizer and random state."""
        path = self._whole(name, STATE)
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
            raise TinylmError(f"cannot read the training state `{path}`: {error}", _DAMAGED) from error
        return state

    def _whole(self, name: str, file: str) -> Path:
        """The path of a checkpoint's file, after comparing it with the hash in the record."""
        path = self.folder / name / file
        wanted = self.read_record(name).files.get(file)
        try:
            found = sha256(path)
        except OSError as error:
            raise TinylmError(f"cannot read `{path}`: {error.strerror}", _DAMAGED) from error
        if found != wanted:
            raise TinylmError(f"`{path}` does not match the SHA-256 of its record", _DAMAGED)
        return path

    def _point(self, name: str, target: Path) -> None:
        link = self.folder / f"{name}.link"
        link.unlink(missing_ok=True)
        link.symlink_to(target.name)
        link.replace(self.folder / name)

    def _prune(self) -> None:
        named = {path.resolve().name for path in self.folder.iterdir() if path.is_symlink()}
        for path in self.folder.glob("step-*"):
            if path.name not in named:
                shutil.rmtree(path)


def load_weights(run: Path, name: str) -> tuple[ModelConfig, dict[str, NDArray[np.float32]]]:
    """Model configuration and weights of a run's checkpoint; the shapes are checked against the configuration."""
    from tinylm.model import build

    checkpoints = Checkpoints(run)
    config = checkpoints.read_record(name).config.model
    weights = checkpoints.read_weights(name)
    with torch.device("meta"):
        expected = {key: tuple(value.shape) for key, value in build(config).state_dict().items()}
    found = {key: value.shape for key, value in weights.items()}
    if found != expected:
        odd = sorted(set(found.items()) ^ set(expected.items()))[0][0]
        raise TinylmError(f"the weights of `{run}` do not fit its configuration: `{odd}`", "use another checkpoint")
    return config, weights
