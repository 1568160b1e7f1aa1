"""The report for people: one table, what it rests on, and what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinylm.budget.report import Report

if TYPE_CHECKING:
    from rich.console import Console

    from tinylm.budget.estimate import Estimate

_LABELS = {
    "bundle_mb": "bundle size",
    "peak_rss_mb": "peak memory",
    "latency_p95_ms": "latency, p95",
    "ttft_p95_ms": "first token, p95",
    "itl_p95_ms": "per token, p95",
    "cold_start_ms": "cold start",
    "bpb_increase": "quality lost",
    "golden_tokens": "wrong tokens",
}
_MARKS = {
    "pass": ("green", "✓ pass"),
    "fail": ("bold red", "✗ fail"),
    "undecided": ("yellow", "? undecided"),
    "not_measured": ("yellow", "? not measured"),
}


def print_report(report: Report, console: Console) -> None:
    """Print the report; readable at 80 columns and without colour."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    request = report.budget.request
    if report.device.differences:
        facts = report.device.facts
        banner = f"Indicative only: measured on {facts.model} ({facts.arch}), not on the budget's device."
        if report.estimate is not None:
            banner = f"Estimated only: run on a {facts.model}; times are instruction counts put into milliseconds."
        console.print(Text(banner, style="bold yellow"), soft_wrap=True)
        console.print()

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("limit", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("allowed", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("used", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("basis", no_wrap=True)
    for result in report.limits:
        style, mark = _MARKS[result.verdict]
        measured = "-" if result.measured is None else _number(result.measured)
        # Below zero (quality gained) nothing of the allowance is used.
        used = "" if result.margin is None else f"{max(1 - result.margin, 0.0):.0%}"
        unit = "" if result.unit == "mismatches" else result.unit
        label, limit = _LABELS[result.name], _number(result.limit)
        table.add_row(label, measured, limit, unit, used, Text(mark, style=style), result.basis)
    console.print(table)
    console.print()

    why = Table.grid(padding=(0, 2, 0, 0))
    why.add_column(no_wrap=True, style="dim")
    why.add_column()
    for result in report.limits:
        why.add_row(_LABELS[result.name], Text(result.evidence))
    why.add_row("request", f"{request.prompt_tokens} tokens in, {request.new_tokens} out, {_threads(request.threads)}")
    for note in report.notes:
        why.add_row("note", Text(note))
    if report.estimate is not None:
        why.add_row("instructions", _instructions(report.estimate))
    if report.validity is not None:
        why.add_row("surroundings", f"{'; '.join(cause.what for cause in report.validity.causes) or 'quiet'}")
    why.add_row("machine", Text(_machine(report)))
    if report.device.differences:
        why.add_row("differs", Text("; ".join(report.device.differences)))
    console.print(why)
    console.print()
    style = _MARKS[report.verdict][0]
    console.print(Text(_sentence(report), style=style))


def _sentence(report: Report) -> str:
    name, budget = report.bundle.name, report.budget.name
    where = "" if report.basis == "measured" else ", as far as this other machine can tell"
    if report.verdict == "pass":
        return f"{name} fits the budget {budget}{where}."
    if report.verdict == "fail":
        failed = ", ".join(_LABELS[result.name] for result in report.limits if result.verdict == "fail")
        return f"{name} does not fit the budget {budget}{where}: {failed}."
    open_ = ", ".join(_LABELS[result.name] for result in report.limits if result.verdict != "pass")
    return f"Undecided whether {name} fits the budget {budget}: {open_}."


def _instructions(estimate: Estimate) -> str:
    return (
        f"{estimate.latency.instructions / 1e6:.4g} million a request,"
        f" {estimate.ttft.instructions / 1e6:.4g} million of them to the first token,"
        f" {estimate.itl.instructions / 1e6:.4g} million a token;"
        f" {estimate.requests} prompts within {100 * estimate.spread:.1f} %"
    )


def _machine(report: Report) -> str:
    facts = report.device.facts
    memory = "" if facts.memory_mb is None else f", {facts.memory_mb:.0f} MB"
    governor = "" if facts.governor is None else f", governor {facts.governor}"
    return (
        f"{facts.model} ({facts.arch}), {facts.cores} cores{memory}{governor}; {facts.system},"
        f" Python {facts.python}, onnxruntime {facts.onnxruntime or 'missing'}"
    )


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.4f}"
