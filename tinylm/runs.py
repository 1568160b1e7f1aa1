"""Finding runs and bundles: what a command works on when it is not told, and when it is."""

from __future__ import annotations

from pathlib import Path

from tinylm.bundle import MANIFEST
from tinylm.errors import TinylmError

RUNS = Path("runs")
"""Where runs lie, from the folder that tinylm is called in."""
CONFIG = "config.toml"
BUNDLE = "bundle"


def find_run(run: Path | None) -> Path:
    """The run folder `run`, or the latest one in `runs/` when none is named."""
    if run is None:
        return _latest(CONFIG, "no run yet in `runs/`", "start one with `tinylm train-pipeline`")
    if not (run / CONFIG).is_file():
        raise TinylmError(f"`{run}` is no run folder: it has no {CONFIG}", "name a folder such as `runs/NAME`")
    return run


def find_bundle(bundle: Path | None) -> Path:
    """A bundle folder: `bundle` itself, the bundle of the run `bundle`, or the latest run's bundle."""
    if bundle is None:
        hint = "name a bundle folder, or make one with `tinylm train-pipeline`"
        return _latest(f"{BUNDLE}/{MANIFEST}", "no bundle named and none in `runs/`", hint) / BUNDLE
    if (bundle / CONFIG).is_file():
        if not (bundle / BUNDLE / MANIFEST).is_file():
            raise TinylmError(f"the run `{bundle}` has no bundle yet", f"make it with `tinylm export {bundle}`")
        return bundle / BUNDLE
    return bundle


def _latest(marker: str, problem: str, hint: str) -> Path:
    found = [path for path in RUNS.glob(f"*/{marker}") if path.is_file()]
    if not found:
        raise TinylmError(problem, hint)
    newest = max(found, key=lambda path: path.stat().st_mtime_ns)
    return RUNS / newest.relative_to(RUNS).parts[0]
