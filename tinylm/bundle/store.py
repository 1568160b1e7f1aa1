"""Finding runs and bundles: what a command works on when it is not told, and when it is."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MANIFEST

RUNS = Path("runs")
"""Where runs lie, from the folder that tinylm is called in."""
DATASETS = Path("datasets")
"""Where datasets lie, likewise."""
CONFIG = "config.toml"
BUNDLE = "bundle"
EVALUATION = "evaluation.json"
FINAL_CHECKPOINT = "checkpoints/final"
"""There when the training came to its end."""
NAMED_CHECKPOINTS = ("best", "final", "last")
"""Links in `checkpoints/`, as `tinylm.training.run.checkpoint` makes them."""
BUDGET_REPORT = "budget.json"
"""What the last budget check of `train-pipeline` measured."""
RUN_LOCK = ".lock"
"""Held by the process that works on a run."""


def find_run(run: Path | None, *, checkpoint: str | None = None) -> Path:
    """The run folder `run`; when none is named, the latest one in `runs/`, or the latest one with `checkpoint`."""
    if run is None:
        if checkpoint is None:
            return _latest(CONFIG, f"no run yet in `{RUNS.absolute()}`")
        return _latest(
            f"checkpoints/{checkpoint}/checkpoint.json",
            f"no run in `{RUNS.absolute()}` has a checkpoint `{checkpoint}`",
        )
    if not (run / CONFIG).is_file():
        raise TinylmError(f"`{run}` is no run folder: it has no {CONFIG}", "name a folder such as `runs/NAME`")
    return run


def find_bundle(bundle: Path | None) -> Path:
    """A bundle folder: `bundle` itself, the bundle of the run `bundle`, or the latest bundle in `runs/`."""
    if bundle is None:
        nothing = f"no bundle is named, and no run in `{RUNS.absolute()}` has one"
        return _latest(f"{BUNDLE}/{MANIFEST}", nothing) / BUNDLE
    if bundle.is_symlink() and not bundle.exists():
        raise TinylmError(f"`{bundle}` is a link to `{bundle.readlink()}`, which is not there", _how_to_relink(bundle))
    if not bundle.exists():
        where = "" if bundle.is_absolute() else f" in `{Path.cwd()}`"
        raise TinylmError(f"no bundle at `{bundle}`{where}", f"`tinylm runs` shows what is there; {how_to_make()}")
    if (bundle / CONFIG).is_file():
        if not (bundle / BUNDLE / MANIFEST).is_file():
            raise TinylmError(f"the run `{bundle}` has no bundle yet", _how_to_finish(bundle))
        return bundle / BUNDLE
    return bundle


def find_bundles() -> list[Path]:
    """The bundles of the runs in `runs/`, the oldest first."""
    return [run / BUNDLE for run in _with(f"{BUNDLE}/{MANIFEST}")]


def _latest(marker: str, problem: str) -> Path:
    """The run whose `marker` is newest: one that was stopped before it had a marker does not hide those that have."""
    found = _with(marker)
    if not found:
        unfinished = _with(CONFIG)
        raise TinylmError(
            problem,
            _how_to_finish(unfinished[-1])
            if unfinished
            else f"{how_to_make()}, name one, or go to the folder that `{RUNS}/` lies in",
        )
    return found[-1]


def _with(marker: str) -> list[Path]:
    """The runs that have the file `marker`, oldest marker first."""
    runs = [run for run in RUNS.glob("*") if (run / marker).is_file()]
    return sorted(runs, key=lambda run: (run / marker).stat().st_mtime_ns)


def how_to_make() -> str:
    """How a model comes to this machine: a board has no training."""
    if importlib.util.find_spec("torch") is None:
        return (
            "a model comes from the computer that trained it, with `tinylm deploy`, as `~/.local/share/tinylm/current`"
        )
    return "start a run with `tinylm train-pipeline`"


def _how_to_relink(link: Path) -> str:
    """What puts a link right whose bundle has gone: deploying again, or another bundle that lies beside it."""
    target = link.parent / link.readlink()
    there = [manifest.parent for manifest in target.parent.glob(f"*/{MANIFEST}")]
    again = "deploy a bundle again with `tinylm deploy`, from the computer that trained it"
    if not there:
        return again
    newest = max(there, key=lambda folder: (folder / MANIFEST).stat().st_mtime_ns)
    command = shlex.join(["ln", "-sfn", str(newest.absolute()), str(link.absolute())])
    return f"point it to a bundle that is there: {command}; or {again}"


def _how_to_finish(run: Path) -> str:
    """What makes checkpoints and bundle of a run that was stopped at any point."""
    return f"finish it with `tinylm train-pipeline --resume --output-dir {run}`"
