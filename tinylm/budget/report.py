"""The result of a check as one object: the table, `--json` and the exit code are all made from it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tinylm.budget.device import Basis, DeviceFacts
from tinylm.budget.estimate import Estimate
from tinylm.budget.spec import Budget
from tinylm.budget.statistics import observed
from tinylm.budget.validity import Validity
from tinylm.budget.verdict import LimitResult, Verdict
from tinylm.bundle import FileEntry
from tinylm.records import check_schema, read
from tinylm.runtime.probe_contract import ProbeResult

SCHEMA = "1.2"
"""1.1 added `estimate`; 1.2 `notes`, and `kind` and `files` of what was checked."""


@dataclass(frozen=True, kw_only=True)
class BundleId:
    name: str
    sha256: str
    """Of the manifest, which lists the hashes of all other files; of a decoder, of what `sha256sum` prints for its
    files."""
    kind: Literal["bundle", "decoder"] = "bundle"
    """A decoder was exported elsewhere (`tinylm.decoder`)."""
    files: dict[str, FileEntry] = field(default_factory=dict)
    """A decoder's files; a bundle's stand in its manifest."""


@dataclass(frozen=True, kw_only=True)
class Device:
    facts: DeviceFacts
    differences: tuple[str, ...]
    """From the budget's device, in words; empty on that device."""


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Of the observed requests: a description; the verdict comes from the exact bounds."""

    p50: float
    p90: float
    p95: float
    p99: float
    worst: float


@dataclass(frozen=True, kw_only=True)
class Samples:
    requests: int
    latency_ms: Quantiles | None
    ttft_ms: Quantiles | None
    itl_ms: Quantiles | None
    processes: tuple[ProbeResult, ...]
    """Everything that every process measured, in order."""


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """What one stage on the way to the first token added."""

    stage: str
    ms: float | None
    rss_mb: float | None


@dataclass(frozen=True, kw_only=True)
class Report:
    schema: str
    bundle: BundleId
    budget: Budget
    device: Device
    validity: Validity | None
    """None when no probe came back."""
    limits: tuple[LimitResult, ...]
    ledger: tuple[LedgerEntry, ...]
    """Where memory and the cold start go, from the process with the highest peak; empty where it was not measured."""
    samples: Samples
    verdict: Verdict
    basis: Basis
    estimate: Estimate | None = None
    """How times were estimated; None when they were measured. The samples' times are instruction counts then, in units
    of a million."""
    notes: tuple[str, ...] = ()
    """What people must know to read the figures."""


def to_json(report: Report) -> str:
    """The report as one JSON document."""
    return json.dumps(dataclasses.asdict(report), ensure_ascii=False, allow_nan=False, indent=1)


def read_report(data: object, where: str) -> Report:
    """The report in a decoded JSON document; TinylmError for anything that is none, or newer than this reader."""
    check_schema(data, major=1, where=where)
    return read(Report, data, where)


def exit_code(report: Report, *, certify: bool) -> int:
    """0 pass, 1 a limit failed, 3 not decided, or with `certify` not measured on the budget's device."""
    if report.verdict == "fail":
        return 1
    if report.verdict != "pass" or (certify and report.basis != "measured"):
        return 3
    return 0


def summarise(processes: Sequence[ProbeResult]) -> Samples:
    """All samples of all processes, and their quantiles."""
    return Samples(
        requests=sum(len(process.latency_ms) for process in processes),
        latency_ms=_quantiles([value for process in processes for value in process.latency_ms]),
        ttft_ms=_quantiles([value for process in processes for value in process.ttft_ms]),
        itl_ms=_quantiles([value for process in processes for value in process.itl_ms]),
        processes=tuple(processes),
    )


def make_ledger(processes: Sequence[ProbeResult]) -> tuple[LedgerEntry, ...]:
    """What each stage added to memory and to the time until the first token, and what the requests added after it."""
    measured = [process for process in processes if process.memory is not None]
    if not measured:
        return ()
    largest = max(measured, key=lambda process: process.memory.peak_rss_bytes if process.memory else 0)
    entries: list[LedgerEntry] = []
    before_ms: float | None = 0.0
    before_bytes: int | None = 0
    for stage in largest.stages:
        entries.append(
            LedgerEntry(
                stage=stage.name,
                ms=_added(stage.until_ms, before_ms, 1.0),
                rss_mb=_added(stage.rss_bytes, before_bytes, 1e6),
            )
        )
        before_ms, before_bytes = stage.until_ms, stage.rss_bytes
    peak = largest.memory.peak_rss_bytes if largest.memory else None
    return (*entries, LedgerEntry(stage="requests, to the peak", ms=None, rss_mb=_added(peak, before_bytes, 1e6)))


def _added(now: float | None, before: float | None, unit: float) -> float | None:
    return None if now is None or before is None else round((now - before) / unit, 3)


def _quantiles(samples: list[float]) -> Quantiles | None:
    if not samples:
        return None
    p50, p90, p95, p99 = (observed(samples, quantile) for quantile in (0.5, 0.9, 0.95, 0.99))
    return Quantiles(p50=p50, p90=p90, p95=p95, p99=p99, worst=max(samples))
