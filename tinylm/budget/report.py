"""The result of a check as one object: table, JSON, JUnit, Markdown, HTML and exit code are all made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.judge.times import TimeSummary
from tinylm.budget.judge.validity import Validity
from tinylm.budget.judge.verdict import LimitResult, Verdict, overall
from tinylm.budget.measure.conditions import MachineState
from tinylm.budget.measure.memory_ledger import Ledger
from tinylm.budget.soak import Soak
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.device import Basis
from tinylm.bundle.manifest import FileEntry
from tinylm.machine.device import DeviceFacts
from tinylm.runtime.measurement.protocol import ProbeResult, Serving, Stage

SCHEMA = "3.1"
"""3.1 has reports of the serving process. 2.x judged the limits of a board's times by another machine's: such a verdict
is not repeated."""
_MOST_BYTES = 64_000_000
"""A report of a day's soak is far smaller; what never ends, such as a device, must not fill the memory."""


Outcome = Literal["better", "same", "worse", "regressed", "undecided"]
Method = Literal[
    "bytes",
    "maximum over processes",
    "typical request",
    "p95 of processes",
    "first and later starts",
    "held-out text",
    "fitted growth",
    "instruction counts",
    "none",
]


@dataclass(frozen=True, kw_only=True)
class BundleId:
    name: str
    sha256: str
    """Of the manifest, which lists the hashes of all other files; of a decoder, of what `sha256sum` prints for its
    files; of a program, its own."""
    kind: Literal["bundle", "decoder", "program"] = "bundle"
    """A decoder was exported elsewhere (`tinylm.external_decoder.description`); a program is a bundle in one file."""
    files: dict[str, FileEntry] = field(default_factory=dict)
    """A decoder's files, or the program; a bundle's stand in its manifest."""


@dataclass(frozen=True, kw_only=True)
class Device:
    facts: DeviceFacts
    differences: tuple[str, ...]
    """From the budget's device, in words; empty on that device."""


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """From the start of a process to its first token."""

    first_ms: float | None
    """The very first start of the check."""
    cache_dropped: bool
    """Whether the system was asked to forget the files before it."""
    storage_read_mb: float
    """What the first start read from storage: little of it means that the files were cached after all."""
    warm_ms: tuple[float, ...]
    """The other starts, their files in the cache."""
    stages: tuple[Stage, ...]
    """Of the first start."""


@dataclass(frozen=True, kw_only=True)
class OwnTimes:
    """How fast the machine that made the report is. Where that is not the budget's device, no limit is about it."""

    times: tuple[TimeSummary, ...]
    """Latency, first token and time per token of the warm requests; elsewhere beside no limit."""
    cold_start: ColdStart | None


@dataclass(frozen=True, kw_only=True)
class Advice:
    limit: str
    """The name of the failed limit that this is about."""
    change: str
    """What to do, in words."""
    predicted: float
    unit: str
    passes: bool
    """Whether the prediction is within the limit."""
    basis: Basis
    how: str
    """What the prediction rests on."""


@dataclass(frozen=True, kw_only=True)
class LimitChange:
    """One limit in both reports."""

    name: str
    """As in `limits`, such as `peak_rss_mb`."""
    unit: str
    """Of `old` and `new`."""
    old: float | None
    new: float | None
    change: float | None
    """From old to new, in `change_unit`; above 0 is worse. None when it cannot be said."""
    lower: float | None
    """The change is at least this; None where there is nothing uncertain."""
    upper: float | None
    change_unit: str
    """`%`, or the limit's own unit where the old value can be 0."""
    threshold: float
    """More than this is a regression; from the new budget's `[regression]`, in `change_unit`."""
    verdict: Outcome
    """`worse` is within the threshold."""
    method: Method
    significance: str
    """What the verdict rests on, in one sentence for people."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What became of every limit since the old report."""

    old_bundle: str
    """Name and the beginning of the SHA-256."""
    old_created: str
    comparable: bool
    why_not: tuple[str, ...]
    """What makes the reports incomparable; empty when they are not."""
    notes: tuple[str, ...]
    """What differs and is no reason to refuse."""
    rows: tuple[LimitChange, ...]
    """One for each limit of the new budget; empty when nothing is comparable."""
    more: tuple[ProbeResult, ...] = ()
    """Processes that were measured for the comparison alone, beyond the report's own."""

    @property
    def exit_code(self) -> int:
        """1 when something regressed, 3 when nothing can be said or something is undecided, 0 otherwise."""
        verdicts = {row.verdict for row in self.rows}
        if "regressed" in verdicts:
            return 1
        return 3 if not self.comparable or "undecided" in verdicts else 0


@dataclass(frozen=True, kw_only=True)
class BudgetReport:
    schema: str
    tinylm: str
    """The version that made it."""
    created: str
    """UTC, ISO 8601."""
    bundle: BundleId
    budget: Budget
    device: Device
    moments: tuple[MachineState, ...]
    """The state of the machine before, between and after the probes."""
    validity: Validity | None
    """None when no probe came back."""
    limits: tuple[LimitResult, ...]
    times: tuple[TimeSummary, ...]
    """Latency, first token and time per token of the warm requests on the budget's device; empty elsewhere."""
    cold_start: ColdStart | None
    """On the budget's device; None elsewhere."""
    ledger: Ledger | None
    """Where memory goes and whether it grows; None where it was not measured."""
    soak: Soak | None
    advice: tuple[Advice, ...]
    """What would pass instead; empty when nothing failed."""
    samples: tuple[ProbeResult, ...]
    """Everything that every process measured, in order."""
    verdict: Verdict
    basis: Basis
    estimate: Estimate | None = None
    """How times were estimated; None when they were measured, or when they could not be. The samples' times are this
    machine's own milliseconds, or, when it is `counted`, instruction counts in units of a million."""
    own_times: OwnTimes | None = None
    """This machine's, where it is not the budget's device; None where its clock counted instructions."""
    notes: tuple[str, ...] = ()
    """What people must know to read the figures."""
    process: Literal["probe", "server"] = "probe"
    """What was measured: the runtime alone, or the process of `tinylm serve`, over HTTP."""
    more: tuple[ProbeResult, ...] = ()
    """Processes beyond those that verdicts rest on, measured for comparisons because these differed much."""
    comparison: Comparison | None = None
    """With an earlier report, when one was given."""

    @property
    def engine(self) -> str:
        """What computed in the first process that says so, as `native avx2`; empty where none does."""
        return next((process.engine for process in self.samples if process.engine), "")

    @property
    def serving(self) -> Serving | None:
        """How the first server answered; None where the runtime alone was measured, or no server came up."""
        return next((process.serving for process in self.samples if process.serving is not None), None)

    @property
    def counts_instructions(self) -> bool:
        """Whether the samples' times are an emulator's instruction counts."""
        return self.estimate is not None and self.estimate.source == "counted"

    @property
    def timed(self) -> OwnTimes:
        """What the clock of the machine that made the report said, whether or not limits are about it."""
        return self.own_times or OwnTimes(times=self.times, cold_start=self.cold_start)


def read_report(data: object, where: str) -> BudgetReport:
    """The report in a decoded JSON document; TinylmError for anything that is none, or newer than this reader."""
    report = read(BudgetReport, data, where, major=3)
    for process in (*report.samples, *report.more):
        series = (process.latency_ms, process.ttft_ms, process.itl_ms, process.at_ms)
        if len({len(times) for times in series}) > 1 or not process.latency_ms:
            raise TinylmError(f"{where} has a process with times of other requests", "make the report again")
        if (process.serving is not None) != (report.process == "server"):
            raise TinylmError(f"{where} is about a {report.process}, and a process in it is none", "make it again")
    if report.own_times is not None and not report.own_times.times:
        raise TinylmError(f"{where} has own times without any time", "make the report again")
    if not report.limits or overall(report.limits) != (report.verdict, report.basis):
        raise TinylmError(
            f"{where} says `{report.verdict}` ({report.basis}), which its limits do not", "make the report again"
        )
    return report


def load_report(path: Path) -> BudgetReport:
    """The report in a file that `--json` wrote; TinylmError for anything else."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise TinylmError(
                f"`{path}` is not a report: it is larger than {_MOST_BYTES / 1e6:.0f} MB", "make it with --json"
            )
        data = json.loads(text.decode("utf-8"))
    except OSError as error:
        hint = "name a file made by: tinylm check-budgets --json > report.json"
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", hint) from error
    except (ValueError, RecursionError) as error:
        raise TinylmError(f"`{path}` is not a report: {error}", "make it with --json") from error
    return read_report(data, f"`{path}`")


def exit_code(report: BudgetReport, *, certify: bool) -> int:
    """0 pass, 1 a limit failed or something regressed, 3 not decided or comparable, or with `certify` not measured on
    the budget's device."""
    compared = 0 if report.comparison is None else report.comparison.exit_code
    if report.verdict == "fail" or compared == 1:
        return 1
    if compared:
        return compared
    if report.verdict != "pass" or (certify and report.basis != "measured"):
        return 3
    return 0


def cold_start_of(processes: tuple[ProbeResult, ...], *, cache_dropped: bool) -> ColdStart | None:
    """The first start apart from the others; None when nothing was started."""
    if not processes:
        return None
    first = processes[0]
    return ColdStart(
        first_ms=first.cold_start_ms,
        cache_dropped=cache_dropped,
        storage_read_mb=round(first.storage_read_bytes / 1e6, 3),
        warm_ms=tuple(other.cold_start_ms for other in processes[1:] if other.cold_start_ms is not None),
        stages=first.stages,
    )
