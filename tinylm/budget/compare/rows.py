"""From two comparable reports to the row of one limit: which numbers, which threshold, which method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tinylm.budget.compare.change import difference_row, exact_row, memory_row, missing_row, unless_void
from tinylm.budget.compare.timed_change import (
    Samples,
    cold_start_row,
    instructions_row,
    neighbours_are_covered,
    times_row,
    work_change,
)
from tinylm.budget.judge.validity import Validity
from tinylm.budget.judge.verdict import LimitResult
from tinylm.budget.report import BudgetReport, LimitChange
from tinylm.runtime.measurement.protocol import ProcessMemory

_TIMES: dict[str, Samples] = {
    "latency_p95_ms": lambda process: process.latency_ms,
    "ttft_p95_ms": lambda process: process.ttft_ms,
    "itl_p95_ms": lambda process: process.itl_ms,
}
_KINDS: dict[str, Literal["times", "memory", "other"]] = {
    **dict.fromkeys((*_TIMES, "cold_start_ms"), "times"),
    **dict.fromkeys(("peak_rss_mb", "resident_mb", "growth_mb"), "memory"),
    "bpb_increase": "other",
}


def row_for(name: str, old: BudgetReport, new: BudgetReport, *, looks: int) -> LimitChange | None:
    """The row of a limit of the new report; None for what passes or fails by itself, such as golden tokens, and for
    what the old budget did not ask for and the old report does not hold. `looks` share the error of the times."""
    result = _result(name, new)
    if result is None or (name != "bundle_mb" and name not in _KINDS):
        return None
    was, asked = _old_value(name, old)
    measured = _measured(result, new)
    if was is None and not asked:
        return None
    if was is None or measured is None:
        which = "new" if measured is None else "old"
        reason = f"not measured in the {which} report"
        return missing_row(name, was, measured, unit=result.unit, reason=reason)
    if name in _TIMES and not all(any(map(_TIMES[name], report.samples)) for report in (old, new)):
        return missing_row(name, was, measured, unit="ms", reason="a report does not hold the single requests")
    if name == "bundle_mb":  # bytes, whatever else happened on the machine
        return _bundle(was, measured, new)
    row = _row(name, was, measured, old, new, looks=looks)
    return unless_void(row, _KINDS[name], _uncovered(name, old, new), _uncovered(name, new, old))


def _row(name: str, was: float, measured: float, old: BudgetReport, new: BudgetReport, *, looks: int) -> LimitChange:
    regression, level = new.budget.regression, new.budget.confidence.level
    if name in _TIMES and new.counts_instructions:
        return instructions_row(name, old.samples, new.samples, _TIMES[name], threshold=regression.latency_pct)
    if name in _TIMES:
        return times_row(
            name,
            old.samples,
            new.samples,
            _TIMES[name],
            threshold=regression.latency_pct,
            level=1 - (1 - level) / looks,
            work=_work(old, new),
        )
    if name == "cold_start_ms":
        row, before, after = None, old.timed.cold_start, new.timed.cold_start
        if before is not None and after is not None:
            row = cold_start_row(before, after, threshold=regression.cold_start_pct)
        return row or missing_row(name, was, measured, unit="ms", reason="a report does not hold the single starts")
    if name == "growth_mb":
        return difference_row(
            name,
            was,
            measured,
            unit="MB",
            threshold=regression.growth_mb,
            method="fitted growth",
            significance="in MB for 1000 requests, from one process a side; near 0 it is the allocator's noise",
        )
    if name == "bpb_increase":
        return _quality(was, measured, old, new)
    return memory_row(
        name,
        was,
        measured,
        threshold=regression.rss_pct,
        spreads=(_bytes(name, old), _bytes(name, new)),
    )


def _bundle(was: float, measured: float, new: BudgetReport) -> LimitChange:
    return exact_row(
        "bundle_mb",
        was,
        measured,
        unit="MB",
        threshold=new.budget.regression.bundle_pct,
        method="bytes",
        significance="all files of the bundle: exact, the threshold alone decides",
    )


def _quality(was: float, measured: float, old: BudgetReport, new: BudgetReport) -> LimitChange:
    same = _held_out(old) == _held_out(new)
    return difference_row(
        "bpb_increase",
        was,
        measured,
        unit="bpb",
        threshold=new.budget.regression.bpb,
        method="held-out text",
        significance="bits per byte against the fp32 model of each, worst language"
        + ("" if same else "; the two bundles hold different held-out texts"),
    )


def _result(name: str, report: BudgetReport) -> LimitResult | None:
    return next((result for result in report.limits if result.name == name), None)


def _old_value(name: str, old: BudgetReport) -> tuple[float | None, bool]:
    """The old number, and whether the old budget asked for it. Times are there without having been asked for, unless
    the probes failed: every budget limits the latency."""
    result = _result(name, old)
    if result is not None:
        return _measured(result, old), True
    latency = _result("latency_p95_ms", old)
    times = [value for process in old.samples for value in _TIMES[name](process)] if name in _TIMES else []
    return (max(times) if times and latency is not None and latency.measured is not None else None), False


def _measured(result: LimitResult, report: BudgetReport) -> float | None:
    """A limit's number; of times on another machine than the budget's, the machine's own, not the board's estimate."""
    if report.own_times is None:
        return result.measured
    if result.name == "cold_start_ms":
        cold = report.own_times.cold_start
        return None if cold is None else cold.first_ms
    own = (times.p95 for times in report.own_times.times if times.name == result.name)
    return next(own, result.measured)


def _uncovered(name: str, report: BudgetReport, other: BudgetReport) -> Validity | None:
    """What was seen and is not in the row's interval already: the spread of the processes covers a drift, and where it
    is known when others had the core, that is taken off."""
    if report.validity is None:
        return None
    covered = {"drift"}
    if name in _TIMES and neighbours_are_covered(report.samples, other.samples):
        covered.add("contention")
    return replace(report.validity, causes=tuple(each for each in report.validity.causes if each.name not in covered))


def _work(old: BudgetReport, new: BudgetReport) -> float:
    """By how much slower the machine is as a whole; another Python does the fixed work in another time."""
    return work_change(old.samples, new.samples) if old.device.facts.python == new.device.facts.python else 1.0


def _bytes(name: str, report: BudgetReport) -> Sequence[int]:
    memories: list[ProcessMemory] = [process.memory for process in report.samples if process.memory is not None]
    if name == "peak_rss_mb":
        return [memory.peak_rss_bytes for memory in memories]
    return [memory.rss_bytes for memory in memories if memory.rss_bytes is not None]


def _held_out(report: BudgetReport) -> list[tuple[str, int]]:
    """Languages and bytes of what the quality was measured on."""
    verified = (process.verification for process in report.samples if process.verification is not None)
    return [(text.language, text.text_bytes) for each in verified for text in each.held_out]
