"""The runs and bundles in `runs/`: size, date, quality, and what the last budget check said of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tinylm.base import records
from tinylm.base.errors import TinylmError
from tinylm.budget.judge.verdict import Verdict
from tinylm.budget.report import load_report
from tinylm.budget.spec.device import Basis
from tinylm.bundle.manifest import MANIFEST
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.store import BUDGET_REPORT, BUNDLE, CONFIG, EVALUATION, FINAL_CHECKPOINT, RUN_LOCK, RUNS
from tinylm.housekeeping.disk import folders_in, in_use, size_of

SCHEMA = "1.0"

State = Literal["whole", "running", "trained", "unfinished", "damaged"]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What the run's last budget check came to, while the bundle is still the one that was checked."""

    budget: str
    verdict: Verdict
    basis: Basis


@dataclass(frozen=True, kw_only=True)
class InventoryItem:
    """A run, or a bundle that lies beside a run's own."""

    path: str
    kind: Literal["run", "bundle"]
    state: State
    """`whole` has a bundle, `trained` none yet; `unfinished` is continued by `--resume`; a `damaged` bundle cannot be
    opened."""
    date: str
    """Of the bundle, or of the run's start while it has none; UTC, ISO 8601."""
    disk_mb: float
    """The whole folder, checkpoints and all; 10^6 bytes."""
    bundle_mb: float | None
    bits_per_byte: float | None
    """Of a run on all its validation text, in fp32; of a bundle on the text that it was measured on."""
    checked: CheckResult | None


def inventory(root: Path = RUNS) -> list[InventoryItem]:
    """What lies in `root`, oldest first."""
    found: list[InventoryItem] = []
    for folder in folders_in(root):
        if (folder / CONFIG).is_file():
            found.append(_run(folder))
        beside = [bundle for bundle in (folder, *folders_in(folder)) if bundle != folder / BUNDLE]
        found += [_bundle(bundle) for bundle in beside if (bundle / MANIFEST).is_file()]
    return sorted(found, key=lambda item: (item.date, item.path))


def to_json(found: list[InventoryItem], root: Path = RUNS) -> str:
    """One JSON document."""
    return records.to_json({"schema": SCHEMA, "folder": str(root.absolute()), "items": found})


def _run(folder: Path) -> InventoryItem:
    bundle = _opened(folder / BUNDLE)
    state: State = "unfinished"
    if in_use(folder / RUN_LOCK):
        state = "running"
    elif bundle is not None:
        state = "whole"
    elif (folder / BUNDLE / MANIFEST).is_file():
        state = "damaged"
    elif (folder / FINAL_CHECKPOINT).is_dir():
        state = "trained"
    return InventoryItem(
        path=str(folder),
        kind="run",
        state=state,
        date=_date(folder / CONFIG if bundle is None else folder / BUNDLE / MANIFEST),
        disk_mb=round(size_of(folder) / 1e6, 3),
        bundle_mb=None if bundle is None else round(bundle.size_bytes / 1e6, 3),
        bits_per_byte=_bits_per_byte(folder / EVALUATION),
        checked=None if bundle is None else _checked(folder / BUDGET_REPORT, bundle),
    )


def _bundle(folder: Path) -> InventoryItem:
    bundle = _opened(folder)
    bits = None
    if bundle is not None and bundle.manifest.quality:
        measured = bundle.manifest.quality.values()
        bits = sum(quality.bpb * quality.bytes for quality in measured) / sum(quality.bytes for quality in measured)
    return InventoryItem(
        path=str(folder),
        kind="bundle",
        state="damaged" if bundle is None else "whole",
        date=_date(folder / MANIFEST),
        disk_mb=round(size_of(folder) / 1e6, 3),
        bundle_mb=None if bundle is None else round(bundle.size_bytes / 1e6, 3),
        bits_per_byte=bits,
        checked=None,
    )


def _opened(folder: Path) -> Bundle | None:
    """The bundle; None where there is none that can be used. What is wrong with it says `tinylm bundle verify`."""
    try:
        return open_bundle(folder)
    except TinylmError:
        return None


def _date(marker: Path) -> str:
    return datetime.fromtimestamp(marker.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _bits_per_byte(evaluation: Path) -> float | None:
    """Of everything together; None where it was not measured, or the file is damaged: it is measured again then."""
    try:
        value = json.loads(evaluation.read_text(encoding="utf-8"))["quality"]["all"]["bits_per_byte"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, (int, float)) else None


def _checked(report: Path, bundle: Bundle) -> CheckResult | None:
    """What the report says, if it is of this very bundle."""
    try:
        found = load_report(report)
    except TinylmError:
        return None
    if found.bundle.sha256 != bundle.manifest_sha256:
        return None
    return CheckResult(budget=found.budget.name, verdict=found.verdict, basis=found.basis)
