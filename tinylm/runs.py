"""Finding runs and bundles: what a command works on when it is not told, and when it is."""

from __future__ import annotations

from pathlib import Path

from tinylm.bundle import MANIFEST
from tinylm.errors import TinylmError

RUNS = Path("runs")
"""Where runs lie, from the folder that tinylm is called in."""
CONFIG = "config.toml"
BUNDLE = "bundle"


def find_run(run: Path | None, *, checkpoint: str | None = None) -> Path:
    """The run folder `run`; when none is named, the latest one in `runs/`, or the latest one with `checkpoint`."""
    if run is None:
        if checkpoint is None:
            return _latest(CONFIG, "no run yet in `runs/`")
        return _latest(
            f"checkpoints/{checkpoint}/checkpoint.json", f"no run in `runs/` has a checkpoint `{checkpoint}`"
        )
    if not (run / CONFIG).is_file():
        raise TinylmError(f"`{run}` is no run folder: it has no {CONFIG}", "name a folder such as `runs/NAME`")
    return run


def find_bundle(bundle: Path | None) -> Path:
    """A bundle folder: `bundle` itself, the bundle of the run `bundle`, or the latest bundle in `runs/`."""
    if bundle is None:
        return _latest(f"{BUNDLE}/{MANIFEST}", "no bundle is named, and no run in `runs/` has one") / BUNDLE
    if (bundle / CONFIG).is_file():
        if not (bundle / BUNDLE / MANIFEST).is_file():
            raise TinylmError(f"the run `{bundle}` has no bundle yet", _how_to_finish(bundle))
        return bundle / BUNDLE
    return bundle


def _latest(marker: str, problem: str) -> Path:
    """The run whose `marker` is newest: one that was stopped before it had a marker does not hide those that have."""
    found = _with(marker)
    if not found:
        unfinished = _with(CONFIG)
        raise TinylmError(
            problem, _how_to_finish(unfinished[-1]) if unfinished else "start a run with `tinylm train-pipeline`"
        )
    return found[-1]


def _with(marker: str) -> list[Path]:
    """The runs that have the file `marker`, oldest marker first."""
    runs = [run for run in RUNS.glob("*") if (run / marker).is_file()]
    return sorted(runs, key=lambda run: (run / marker).stat().st_mtime_ns)


def _how_to_finish(run: Path) -> str:
    """What makes checkpoints and bundle of a run that was stopped at any point."""
    return f"finish it with `tinylm train-pipeline --resume --output-dir {run}`"
