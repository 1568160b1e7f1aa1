"""The report for people at a terminal: the limits, what they rest on, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.base.text_table import grid
from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.formats.wording import (
    VERDICTS,
    amount,
    caution,
    figure,
    headline,
    kinds_of_memory,
    label,
    machine,
    own_times_words,
    request,
    used,
    voids,
    where_instructions_come_from,
)
from tinylm.budget.judge.times import TimeSummary
from tinylm.budget.measure.memory_ledger import Ledger
from tinylm.budget.report import BudgetReport, ColdStart

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_MARKS = {
    "pass": ("green", "✓"),
    "fail": ("bold red", "✗"),
    "undecided": ("yellow", "?"),
    "not_measured": ("yellow", "?"),
}


def print_verdict(report: BudgetReport, console: Console) -> None:
    """What the report comes to: the sentence, a line for each limit, what would pass instead."""
    from rich.text import Text

    console.print(_sentence(report))
    console.print()
    console.print(_limits(report, console))
    if report.advice:
        console.print()
        console.print(_advice(report, console))
    if report.validity is not None and report.validity.causes:
        console.print()
        for cause in report.validity.causes:
            console.print(Text(f"Disturbed: {printable(cause.what)}; {voids(cause, report)}.", style="yellow"))


def print_report(report: BudgetReport, console: Console) -> None:
    """Print the report; readable at 50 columns and without colour."""
    from rich.text import Text

    if (banner := caution(report)) is not None:
        console.print(Text(printable(banner), style="bold yellow"))
        console.print()
    console.print(_limits(report, console))
    console.print()
    if report.times:
        console.print(_times("times, ms", report.times, console))
        console.print()
    if report.ledger is not None:
        console.print(_ledger(report.ledger, console))
        console.print()
    console.print(_reasons(report))
    console.print()
    if report.own_times is not None:
        console.print(Text(f"{printable(own_times_words(report))}:"))
        console.print()
        console.print(_times("own times, ms", report.own_times.times, console))
        if (cold := report.own_times.cold_start) is not None and cold.first_ms is not None:
            console.print(Text(f"starts: {_starts(cold)}"))
        console.print()
    if report.validity is not None and report.validity.causes:
        for cause in report.validity.causes:
            console.print(Text(f"Disturbed: {printable(cause.what)}; {voids(cause, report)}.", style="yellow"))
            console.print(Text(f"  hint: {printable(cause.hint)}"))
        console.print()
    if report.advice:
        console.print(_advice(report, console))
        console.print()
    console.print(_sentence(report))


def _sentence(report: BudgetReport) -> Text:
    from rich.text import Text

    return Text(f"{printable(headline(report))}.", style=_MARKS[report.verdict][0])


def _limits(report: BudgetReport, console: Console) -> RenderableType:
    from rich.text import Text

    rows = []
    for result in report.limits:
        style, mark = _MARKS[result.verdict]
        rows.append(
            (
                label(result.name),
                figure(result),
                amount(result.limit, result.unit),
                "" if (share := used(result)) is None else f"{share:.0%}",
                Text(f"{mark} {VERDICTS[result.verdict]}", style=style),
                result.basis,
            )
        )
    return grid(console, ("limit", "figure>", "allowed>", "used>", "verdict", "basis"), rows)


def _times(title: str, found: Sequence[TimeSummary], console: Console) -> RenderableType:
    head = (title, "p50>", "p90>", "p95>", "p99>", "worst>", f"p95 at {100 * found[0].level:.4g} % confidence>")
    rows = []
    for times in found:
        ends = ["?" if end is None else number(end) for end in (times.lower, times.upper)]
        figures = (times.p50, times.p90, times.p95, times.p99, times.worst)
        rows.append((label(times.name).removesuffix(", p95"), *map(number, figures), " to ".join(ends)))
    return grid(console, head, rows)


def _ledger(ledger: Ledger, console: Console) -> RenderableType:
    rows = []
    for entry in ledger.entries:
        together = entry.own_mb + entry.files_mb
        rows.append((printable(entry.part), f"{entry.own_mb:.2f}", f"{entry.files_mb:.2f}", f"{together:.2f}"))
    rows.append((f"in all; the kernel says {ledger.resident_mb:.2f}", "", "", f"{ledger.total_mb:.2f}"))
    return grid(console, ("memory, MB", "own>", "files>", "together>"), rows, total=True)


def _reasons(report: BudgetReport) -> Table:
    """What the figures rest on, a line for each."""
    from rich.table import Table
    from rich.text import Text

    why = Table.grid(padding=(0, 2, 0, 0))
    why.add_column(no_wrap=True, style="dim")
    why.add_column()
    for result in report.limits:
        why.add_row(label(result.name), Text(printable(result.evidence)))
    requests = sum(len(process.latency_ms) for process in report.samples)
    processes = "1 process" if len(report.samples) == 1 else f"{len(report.samples)} processes"
    why.add_row("request", f"{request(report)}; {requests} of them in {processes}")
    if report.cold_start is not None and report.cold_start.first_ms is not None:
        why.add_row("starts", _starts(report.cold_start))
    if report.estimate is not None:
        why.add_row("instructions", _instructions(report.estimate))
    if (memory := kinds_of_memory(report)) is not None:
        why.add_row("memory, MB", memory)
    for note in report.notes:
        why.add_row("note", Text(printable(note)))
    why.add_row("machine", Text(printable(_machine(report))))
    return why


def _starts(cold: ColdStart) -> str:
    first = f"{number(cold.first_ms or 0)} ms the first, with {number(cold.storage_read_mb)} MB read from storage"
    if not cold.warm_ms:
        return first
    return f"{first}; then {number(min(cold.warm_ms))} to {number(max(cold.warm_ms))} ms"


def _advice(report: BudgetReport, console: Console) -> RenderableType:
    from rich.text import Text

    rows = []
    for advice in report.advice:
        style = "green" if advice.passes else "yellow"
        enough = Text("passes" if advice.passes else "not enough", style=style)
        predicted = amount(advice.predicted, advice.unit)
        rows.append((Text(printable(advice.change)), label(advice.limit), predicted, enough, advice.basis))
    head = ("what would help", "limit", "predicted>", "", "basis")
    return grid(console, head, rows, wraps="what would help")


def _instructions(estimate: Estimate) -> str:
    return (
        f"{estimate.latency.instructions / 1e6:.4g} million a request,"
        f" {estimate.ttft.instructions / 1e6:.4g} million of them to the first token,"
        f" {estimate.itl.instructions / 1e6:.4g} million a token; {where_instructions_come_from(estimate)}"
    )


def _machine(report: BudgetReport) -> str:
    facts = report.device.facts
    governor = "" if facts.governor is None else f", governor {facts.governor}"
    software = f"{facts.system}, Python {facts.python}, onnxruntime {facts.onnxruntime or 'missing'}"
    return f"{machine(report)}{governor}; {software}"
