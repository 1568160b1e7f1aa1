"""Checkpoints: states that training can resume from.

    checkpoints/step-00001200/   model.safetensors, state.pt (optimizer and random states), checkpoint.json
    checkpoints/last, best, final, epoch-0005   links to such folders

A folder is written under a temporary name and renamed; a link is swapped in one rename. The folders that links name
stay, and the newest few; the others are removed. A step that is saved again gets a folder of its own
(`step-00001200.1`), so that at no moment the old one is gone and the new one not there. Weights travel as safetensors;
`state.pt` is loaded with `weights_only=True`. Neither format notices a flipped bit, so the record holds the SHA-256 of
both.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray

import tinylm
from tinylm.base.code_version import git_commit
from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256, sync_folder
from tinylm.base.records import read_file
from tinylm.settings.model import ModelConfig
from tinylm.settings.plan import RunPlan
from tinylm.training.run.progress import Progress
from tinylm.training.step.setup import Setup

SCHEMA = "1.1"
"""1.1: what exact resuming needs (log sizes, recent steps, evaluations, rollbacks). A 1.0 is read, and not resumed."""
CHECKPOINTS = "checkpoints"
LAST, BEST, FINAL = "last", "best", "final"
WEIGHTS, STATE, RECORD = "model.safetensors", "state.pt", "checkpoint.json"
_DAMAGED = "use another checkpoint, or start over with --force"
_FOLDER = re.compile(r"step-(\d{8})(?:\.(\d+))?")


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    schema: str
    run_id: str
    config: RunPlan
    progress: Progress
    environment: dict[str, str] = field(default_factory=dict)
    """What else decides the last bit: versions of tinylm and torch, the git commit, device, precision, threads."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files beside the record; `Checkpoints.save` fills it in."""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A checkpoint that is whole, and what was passed over to find it."""

    name: str
    record: CheckpointRecord
    damaged: tuple[str, ...] = ()
    """What is wrong with each newer one."""


class Checkpoints:
    """The checkpoints of one run folder."""

    def __init__(self, run: Path, *, keep: int = 1) -> None:
        """`keep` of the newest stay, whether or not a link names them."""
        self.folder = run / CHECKPOINTS
        self._keep = keep

    def save(
        self,
        record: CheckpointRecord,
        weights: dict[str, NDArray[np.float32]],
        state: dict[str, Any],
        *,
        names: list[str],
    ) -> None:
        """Write a checkpoint and let `names` point to it."""
        target = self._free_name(record.progress.step)
        partial = target.with_name(target.name + ".partial")
        try:
            for left in self.folder.glob("*.partial"):  # of a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            partial.mkdir(parents=True)
            safetensors.numpy.save_file(weights, partial / WEIGHTS)
            torch.save(state, partial / STATE)
            record = replace(record, files={file: sha256(partial / file) for file in (WEIGHTS, STATE)})
            text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
            (partial / RECORD).write_text(text + "\n", encoding="utf-8")
            for file in partial.iterdir():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
            sync_folder(partial)
            partial.rename(target)
            sync_folder(self.folder)  # before a link names it
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

    def newest_whole(self, *, at_most: int | None = None) -> Found | None:
        """The newest checkpoint, not after the step `at_most`, that can be read to its last byte.

        Begins with what `last` names. None when there is no checkpoint; TinylmError when there are and none is whole.
        """
        last = self._order(Path(os.path.realpath(self.folder / LAST)).name) or (1 << 62, 0)
        limit = last if at_most is None else min(last, (at_most, 1 << 62))
        damaged: list[str] = []
        for order, name in sorted(self._folders(), reverse=True):
            if order > limit:
                continue
            try:
                self.read_weights(name)
                self.read_state(name)
                return Found(name=name, record=self.read_record(name), damaged=tuple(damaged))
            except TinylmError as error:
                damaged.append(error.message)
        if damaged:
            raise TinylmError(f"no checkpoint is whole: {damaged[0]}", "start over with --force")
        return None

    def read_record(self, name: str) -> CheckpointRecord:
        """The record of a checkpoint; TinylmError when it is missing or damaged."""
        path = self.folder / name / RECORD
        if not path.is_file():
            known = sorted(p.name for p in self.folder.glob("*") if p.is_symlink())
            raise TinylmError(
                f"no checkpoint `{name}` in `{self.folder}`",
                "there are: " + ", ".join(f"`{n}`" for n in known) if known else "train first: `tinylm train-pipeline`",
            )
        return read_file(CheckpointRecord, path, major=1, hint=_DAMAGED)

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
        """Remove what no link names and the newest up to `last` are not; what lies after `last` was rolled back."""
        named = {path.resolve().name for path in self.folder.iterdir() if path.is_symlink()}
        last = self._order((self.folder / LAST).resolve().name)
        folders = sorted(self._folders(), reverse=True)
        kept = [name for order, name in folders if last is None or order <= last][: self._keep]
        for _, name in folders:
            if name not in named and name not in kept:
                shutil.rmtree(self.folder / name)

    def _folders(self) -> list[tuple[tuple[int, int], str]]:
        """Every checkpoint's folder, with what they are ordered by: the step, and which time it was saved."""
        names = [path.name for path in self.folder.glob("step-*")]
        return [(order, name) for name in names if (order := self._order(name)) is not None]

    @staticmethod
    def _order(name: str) -> tuple[int, int] | None:
        match = _FOLDER.fullmatch(name)
        return (int(match[1]), int(match[2] or 0)) if match else None

    def _free_name(self, step: int) -> Path:
        times = [order[1] for order, _ in self._folders() if order[0] == step]
        return self.folder / (f"step-{step:08d}" + (f".{max(times) + 1}" if times else ""))


def capture(setup: Setup) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """The weights in fp32, averaged where the run averages them, and everything else that the next step depends on."""
    own = setup.model.state_dict()
    weights = {
        name: value.detach().to("cpu", torch.float32).contiguous().numpy()
        for name, value in (own if setup.average is None else setup.average.weights).items()
    }
    # An average is what evaluation and export want of a checkpoint; training goes on from the weights themselves.
    beside = {} if setup.average is None else {"weights": own, "average_updates": setup.average.updates}
    return weights, beside | {
        "optimizer": setup.optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all(),  # an empty list without a GPU
    }


def restore(setup: Setup, checkpoints: Checkpoints, name: str) -> None:
    """Make `setup` what it was when the checkpoint `name` was saved."""
    weights = {key: torch.from_numpy(value) for key, value in checkpoints.read_weights(name).items()}
    state = checkpoints.read_state(name)
    try:
        if setup.average is not None:
            setup.average.load(weights, updates=state["average_updates"])
            weights = state["weights"]
        setup.model.load_state_dict(weights)
        setup.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if len(state["random_cuda"]) == torch.cuda.device_count():  # else the run goes on on another machine
            torch.cuda.set_rng_state_all(state["random_cuda"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise TinylmError(
            f"the checkpoint `{checkpoints.folder / name}` does not fit this run: {error}", "start over with --force"
        ) from error


def environment(setup: Setup) -> dict[str, str]:
    """What decides the last bit of a sum beside the plan: with the same of all, a resumed run is bit-identical."""
    device = (
        torch.cuda.get_device_name(setup.device)
        if setup.device.type == "cuda"
        else torch.backends.cpu.get_cpu_capability()
    )
    return {
        "tinylm": tinylm.__version__,
        "commit": git_commit() or "unknown",
        "torch": torch.__version__,
        "device": device,
        "precision": str(setup.dtype).removeprefix("torch."),
        "threads": str(torch.get_num_threads()),
        "compiled": str(setup.model.compiled),
    }


def load_weights(run: Path, name: str) -> tuple[ModelConfig, dict[str, NDArray[np.float32]]]:
    """Model configuration and weights of a run's checkpoint; the shapes are checked against the configuration."""
    from tinylm.model import build

    checkpoints = Checkpoints(run)
    config = checkpoints.read_record(name).config.model
    weights = checkpoints.read_weights(name)
    # Not on torch's meta device: its first operation loads the compiler, which takes longer than any model here.
    with torch.random.fork_rng(devices=[]):
        expected = {key: tuple(value.shape) for key, value in build(config).state_dict().items()}
    found = {key: value.shape for key, value in weights.items()}
    if found != expected:
        odd = sorted(set(found.items()) ^ set(expected.items()))[0][0]
        raise TinylmError(f"the weights of `{run}` do not fit its configuration: `{odd}`", "use another checkpoint")
    return config, weights
