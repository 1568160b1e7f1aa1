"""What a report says in tables, as plain text: which rows, which columns, how figures are written.

The formats (terminal, Markdown, HTML, JUnit) draw them and escape every text for themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tinylm.base.numerals import number
from tinylm.budget.estimate.estimate import Estimate, Term, TimeEstimate
from tinylm.budget.formats.wording import (
    OUTCOMES,
    VERDICTS,
    amount,
    between,
    change,
    compared_label,
    figure,
    label,
    percent,
    used,
)
from tinylm.budget.judge.times import TimeSummary
from tinylm.budget.judge.verdict import LimitResult, Verdict
from tinylm.budget.measure.memory_ledger import Ledger
from tinylm.budget.report import BudgetReport, Comparison
from tinylm.budget.soak import SoakInterval


class Judged(str):
    """A cell whose words are a verdict, which formats show by a mark and a colour."""

    verdict: Verdict

    def __new__(cls, words: str, verdict: Verdict) -> Judged:
        cell = super().__new__(cls, words)
        cell.verdict = verdict
        return cell


class Table(NamedTuple):
    """Rows of cells; a column whose name ends in `>` holds numbers, which stand at the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()
    """A last row that adds up the others."""


def limits(report: BudgetReport) -> Table:
    """Every limit with its figure, an estimate's error bar, and the verdict."""
    rows = (
        (
            label(result.name),
            figure(result),
            amount(result.limit, result.unit),
            percent(used(result)),
            Judged(VERDICTS[result.verdict], result.verdict),
            result.basis,
        )
        for result in report.limits
    )
    return Table(("limit", "figure>", "allowed>", "used>", "verdict", "basis"), tuple(rows))


def evidence(results: Sequence[LimitResult]) -> list[tuple[str, str]]:
    """What each figure rests on."""
    return [(label(result.name), result.evidence) for result in results]


def compared_limits(comparison: Comparison) -> Table:
    """Every limit before and now."""
    rows = (
        (
            compared_label(row),
            amount(row.old, row.unit),
            amount(row.new, row.unit),
            *change(row),
            Judged(*OUTCOMES[row.verdict]),
        )
        for row in comparison.rows
    )
    return Table(("limit", "before>", "now>", "change>", "allowed>", "verdict"), tuple(rows))


def compared_evidence(comparison: Comparison) -> list[tuple[str, str]]:
    """What each change rests on."""
    return [(compared_label(row), row.significance) for row in comparison.rows]


def remarks(comparison: Comparison) -> list[tuple[str, str]]:
    """Why the reports cannot be compared, and what else differs between them."""
    return [("why not", why) for why in comparison.why_not] + [("note", note) for note in comparison.notes]


def advised(report: BudgetReport) -> Table:
    """What would pass instead."""
    rows = (
        (
            advice.change,
            label(advice.limit),
            amount(advice.predicted, advice.unit),
            Judged("would pass", "pass") if advice.passes else Judged("not enough", "fail"),
            advice.basis,
        )
        for advice in report.advice
    )
    return Table(("what would help", "limit", "predicted>", "verdict", "basis"), tuple(rows))


def times(summaries: Sequence[TimeSummary]) -> Table:
    """Quantiles of every kind of time, and where its p95 lies; there is at least one."""
    rows = (
        (
            label(time.name).removesuffix(", p95"),
            *map(number, (time.p50, time.p90, time.p95, time.p99, time.worst)),
            between(time.lower, time.upper),
        )
        for time in summaries
    )
    sure = f"p95 at {100 * summaries[0].level:.4g} % confidence>"
    return Table(("times, ms", "p50>", "p90>", "p95>", "p99>", "worst>", sure), tuple(rows))


def estimates(estimate: Estimate) -> tuple[tuple[str, TimeEstimate], ...]:
    """Each estimated time by its name."""
    return ("latency", estimate.latency), ("first token", estimate.ttft), ("per token", estimate.itl)


def terms(time: TimeEstimate) -> tuple[tuple[str, Term], ...]:
    """What an estimated time is made of, by name."""
    serving = () if time.serving is None else (("serving", time.serving),)
    return ("computing", time.compute), ("reading weights", time.memory), *serving


def estimated_times(estimate: Estimate) -> Table:
    """How each estimated time came about."""
    rows = (
        (
            name,
            f"{time.instructions / 1e6:.4g}",
            *(number(term.ms) for _, term in terms(time)),
            number(time.total.ms),
            between(time.total.low_ms, time.total.high_ms),
        )
        for name, time in estimates(estimate)
    )
    parts = (f"{name}>" for name, _ in terms(estimate.latency))
    return Table(("estimated, ms", "million instructions>", *parts, "together>", "error bar>"), tuple(rows))


def sustained_load(intervals: Sequence[SoakInterval]) -> Table:
    """Latency, heat and clock over time."""

    def whole(value: float | None) -> str:
        return "-" if value is None else f"{value:.0f}"

    rows = (
        (
            f"{interval.until_s / 60:.1f}",
            *map(number, (interval.p50_ms, interval.p95_ms, interval.worst_ms)),
            whole(interval.temperature_c),
            whole(interval.clock_mhz),
        )
        for interval in intervals
    )
    return Table(("minutes>", "p50, ms>", "p95, ms>", "worst, ms>", "°C>", "MHz>"), tuple(rows))


def memory_parts(ledger: Ledger) -> Table:
    """Where the memory goes."""
    rows = (
        (entry.part, *map(number, (entry.own_mb, entry.files_mb, entry.own_mb + entry.files_mb)))
        for entry in ledger.entries
    )
    own, files = (sum(getattr(entry, kind) for entry in ledger.entries) for kind in ("own_mb", "files_mb"))
    total = ("together", *map(number, (own, files, ledger.total_mb)))
    return Table(("memory, MB", "own>", "mapped files>", "together>"), tuple(rows), total)
