"""A report, a comparison and a simulation for people at a terminal; readable at 50 columns and without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tinylm.base.printable import printable
from tinylm.base.text_table import grid, pairs, print_blocks
from tinylm.budget.formats import contents
from tinylm.budget.formats.contents import Judged, Table
from tinylm.budget.formats.wording import (
    MARKS,
    caution,
    compared,
    disturbed,
    headline,
    kinds_of_memory,
    ledger_words,
    machine_and_software,
    own_times_words,
    request,
    requests,
    served,
    starts,
    verdict_of,
    where_instructions_come_from,
)
from tinylm.budget.judge.simulation import DRIFTING, UNSEEN, Outcomes
from tinylm.budget.judge.verdict import Verdict
from tinylm.budget.report import BudgetReport, Comparison
from tinylm.budget.spec.budget import Budget

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_STYLES: dict[Verdict, str] = {"pass": "green", "fail": "bold red", "undecided": "yellow", "not_measured": "yellow"}


def print_verdict(report: BudgetReport, console: Console) -> None:
    """What the report comes to: the sentence, a line for each limit, what would pass instead."""
    disturbances = _lines(_disturbances(report, hints=False), style="yellow")
    print_blocks(console, _sentence(report), _limits(report, console), _advice(report, console), disturbances)


def print_report(report: BudgetReport, console: Console) -> None:
    """Everything that the report says."""
    own = report.own_times
    own_words = "" if own is None else f"{printable(own_times_words(report))}:"
    own_starts = "" if own is None or own.cold_start is None else starts(own.cold_start)
    print_blocks(
        console,
        _lines([printable(caution(report))], style="bold yellow"),
        _limits(report, console),
        _table(contents.times(report.times), console) if report.times else None,
        _table(contents.memory_parts(report.ledger), console) if report.ledger is not None else None,
        pairs((name, printable(words)) for name, words in _reasons(report) if words),
        _lines([own_words]),
        _table(contents.times(own.times), console) if own is not None else None,
        _lines([own_starts and f"starts: {own_starts}"]),
        _lines(_disturbances(report, hints=True), style="yellow"),
        _advice(report, console),
        _sentence(report),
    )


def print_comparison(comparison: Comparison, console: Console) -> None:
    """What became of every limit, what that rests on, and one sentence."""
    from rich.text import Text

    reasons = [*contents.compared_evidence(comparison), *contents.remarks(comparison)]
    print_blocks(
        console,
        Text(f"Against {comparison.old_bundle} of {comparison.old_created}:", no_wrap=True, overflow="ignore"),
        _table(contents.compared_limits(comparison), console) if comparison.rows else None,
        pairs((name, printable(words)) for name, words in reasons),
        Text(f"{compared(comparison)}.", style=_STYLES[verdict_of(comparison.exit_code)]),
    )


def print_simulation(budget: Budget, rows: Sequence[tuple[str, float, Outcomes]], console: Console) -> None:
    """What became of synthetic devices: one row for each kind of device and ratio."""
    lines = []
    for kind, ratio, found in rows:
        shares = (found.passed, found.failed, found.undecided, found.void)
        percent = [f"{100 * count / found.devices:.1f} %" for count in shares]
        lines.append((kind, f"{ratio:g}", *percent, f"{found.requests:.0f}"))
    confidence = budget.confidence
    looks, error = ", ".join(map(str, confidence.looks)), 100 * (1 - confidence.level)
    print_blocks(
        console,
        grid(console, ("device", "p95 at>", "pass>", "fail>", "undecided>", "void>", "requests>"), lines),
        f"{rows[0][2].devices} devices a row, their true p95 at so many times the limit; looks at {looks} requests."
        f" At the limit itself at most {error:.3g} % may pass, and as many fail. What changes while it is measured"
        f" ({', '.join(DRIFTING)}) must be void. Not covered: {', '.join(UNSEEN)}. What few processes never meet they"
        " cannot tell of; more `processes` in the budget meet it.",
    )


def _table(table: Table, console: Console, *, wraps: str | None = None) -> RenderableType:
    rows = [tuple(map(_cell, row)) for row in (*table.rows, *([table.total] if table.total else []))]
    return grid(console, table.head, rows, wraps=wraps, total=bool(table.total))


def _cell(cell: str) -> str | Text:
    from rich.text import Text

    if isinstance(cell, Judged):
        return Text(f"{MARKS[cell.verdict]} {cell}", style=_STYLES[cell.verdict])
    return Text(printable(cell))


def _lines(lines: Sequence[str], *, style: str = "") -> Text | None:
    from rich.text import Text

    words = "\n".join(lines)
    return Text(words, style=style) if words else None


def _sentence(report: BudgetReport) -> Text:
    from rich.text import Text

    return Text(f"{printable(headline(report))}.", style=_STYLES[report.verdict])


def _limits(report: BudgetReport, console: Console) -> RenderableType:
    return _table(contents.limits(report), console)


def _advice(report: BudgetReport, console: Console) -> RenderableType | None:
    return _table(contents.advised(report), console, wraps="what would help") if report.advice else None


def _disturbances(report: BudgetReport, *, hints: bool) -> list[str]:
    lines = []
    for cause in report.validity.causes if report.validity is not None else ():
        lines.append(f"Disturbed: {printable(disturbed(cause, report))}.")
        lines += [f"  hint: {printable(cause.hint)}"] if hints else []
    return lines


def _reasons(report: BudgetReport) -> Iterator[tuple[str, str]]:
    """What the figures rest on; empty words are left out."""
    yield from contents.evidence(report.limits)
    yield "measured", served(report)
    yield "request", f"{request(report.budget)}; {requests(report)}"
    yield "starts", "" if report.cold_start is None else starts(report.cold_start)
    if (estimate := report.estimate) is not None:
        latency, first, token = (time.instructions / 1e6 for time in (estimate.latency, estimate.ttft, estimate.itl))
        yield (
            "instructions",
            f"{latency:.4g} million a request, {first:.4g} million of them to the first token, {token:.4g} million a"
            f" token; {where_instructions_come_from(estimate)}",
        )
    yield "memory", "" if report.ledger is None else ledger_words(report.ledger)
    yield "memory, MB", kinds_of_memory(report)
    yield from (("note", note) for note in report.notes)
    yield "machine", machine_and_software(report.device.facts)
