"""The report for people at a terminal: the limits, what they rest on, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinylm.budget.estimate import Estimate
from tinylm.budget.report import ColdStart, Report
from tinylm.budget.wording import (
    VERDICTS,
    amount,
    caution,
    headline,
    kinds_of_memory,
    label,
    machine,
    request,
    used,
    voids,
)
from tinylm.page.words import number, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MARKS = {
    "pass": ("green", "✓"),
    "fail": ("bold red", "✗"),
    "undecided": ("yellow", "?"),
    "not_measured": ("yellow", "?"),
}


def print_report(report: Report, console: Console) -> None:
    """Print the report; readable at 80 columns and without colour."""
    from rich.text import Text

    if (banner := caution(report)) is not None:
        console.print(Text(printable(banner), style="bold yellow"))
        console.print()
    console.print(_limits(report))
    console.print()
    if report.times:
        console.print(_times(report))
        console.print()
    if report.ledger is not None:
        console.print(_ledger(report))
        console.print()
    console.print(_reasons(report))
    console.print()
    if report.validity is not None and report.validity.causes:
        for cause in report.validity.causes:
            console.print(Text(f"Disturbed: {printable(cause.what)}; {voids(cause)}.", style="yellow"))
            console.print(Text(f"  hint: {printable(cause.hint)}"))
        console.print()
    if report.advice:
        console.print(_advice(report))
        console.print()
    console.print(Text(f"{printable(headline(report))}.", style=_MARKS[report.verdict][0]))


def _limits(report: Report) -> Table:
    from rich.text import Text

    table = _table("limit", "measured>", "allowed>", "", "used>", "verdict", "basis")
    for result in report.limits:
        style, mark = _MARKS[result.verdict]
        share = used(result)
        table.add_row(
            label(result.name),
            "-" if result.measured is None else number(result.measured),
            number(result.limit),
            "" if result.unit == "mismatches" else result.unit,
            "" if share is None else f"{share:.0%}",
            Text(f"{mark} {VERDICTS[result.verdict]}", style=style),
            result.basis,
        )
    return table


def _times(report: Report) -> Table:
    level = 100 * report.times[0].level
    table = _table("times, ms", "p50>", "p90>", "p95>", "p99>", "worst>", f"p95 at {level:.4g} % confidence>")
    for times in report.times:
        ends = ["?" if end is None else number(end) for end in (times.lower, times.upper)]
        figures = (times.p50, times.p90, times.p95, times.p99, times.worst)
        table.add_row(label(times.name).removesuffix(", p95"), *map(number, figures), " to ".join(ends))
    return table


def _ledger(report: Report) -> Table:
    assert report.ledger is not None
    table = _table("memory, MB", "own>", "files>", "together>")
    for entry in report.ledger.entries:
        together = entry.own_mb + entry.files_mb
        table.add_row(printable(entry.part), f"{entry.own_mb:.2f}", f"{entry.files_mb:.2f}", f"{together:.2f}")
    table.add_section()
    ledger = report.ledger
    table.add_row(f"in all; the kernel says {ledger.resident_mb:.2f}", "", "", f"{ledger.total_mb:.2f}")
    return table


def _reasons(report: Report) -> Table:
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


def _advice(report: Report) -> Table:
    from rich.text import Text

    table = _table("what would help", "limit", "predicted>", "", "basis")
    for advice in report.advice:
        style = "green" if advice.passes else "yellow"
        enough = Text("passes" if advice.passes else "not enough", style=style)
        predicted = amount(advice.predicted, advice.unit)
        table.add_row(Text(printable(advice.change)), label(advice.limit), predicted, enough, advice.basis)
    return table


def _table(*columns: str) -> Table:
    """A table with these columns; a name that ends in `>` stands at the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        right = name.endswith(">")
        table.add_column(name.removesuffix(">"), justify="right" if right else "left", no_wrap=right)
    return table


def _instructions(estimate: Estimate) -> str:
    return (
        f"{estimate.latency.instructions / 1e6:.4g} million a request,"
        f" {estimate.ttft.instructions / 1e6:.4g} million of them to the first token,"
        f" {estimate.itl.instructions / 1e6:.4g} million a token;"
        f" {estimate.requests} prompts within {100 * estimate.spread:.1f} %"
    )


def _machine(report: Report) -> str:
    facts = report.device.facts
    governor = "" if facts.governor is None else f", governor {facts.governor}"
    software = f"{facts.system}, Python {facts.python}, onnxruntime {facts.onnxruntime or 'missing'}"
    return f"{machine(report)}{governor}; {software}"
