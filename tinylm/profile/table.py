"""The profile for people: times by prompt length, by operator, by layer, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.base.text_table import grid
from tinylm.profile.breakdown import Row, added_up
from tinylm.profile.report import LengthReport, Report, Summary

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SMALL_SHARE = 0.01
"""Operators below this share of decoding and of reading stand in one line together; `--json` has them all."""
_OTHERS = " others"


def print_report(report: Report, console: Console) -> None:
    """Print the report; readable at 60 columns and without colour."""
    from rich.table import Table
    from rich.text import Text

    many = "" if report.threads == 1 else "s"
    name, request = report.bundle.name, f"{report.new_tokens} new tokens, {report.threads} thread{many}"
    console.print(Text(f"{name}: latency by prompt length, {request}"))
    console.print()
    console.print(_lengths(report.lengths, console))
    console.print()
    beside = "" if report.prefill is None else f"; `read {report.prefill.tokens}`: of the prompt, at once"
    console.print(Text(f"A decoded token by layer, in µs{beside}"))
    console.print()
    console.print(
        _rows(report, "layer", report.decode.layers, report.prefill.layers if report.prefill else (), console)
    )
    console.print()
    console.print(Text("The same by operator, in µs"))
    console.print()
    operators, read = report.decode.operators, report.prefill.operators if report.prefill else ()
    console.print(_rows(report, "operator", *_without_small(operators, read), console))
    console.print()

    notes = Table.grid(padding=(0, 2, 0, 0))
    notes.add_column(no_wrap=True, style="dim")
    notes.add_column()
    for label, text in _notes(report):
        notes.add_row(label, Text(text))
    console.print(notes)


def _lengths(lengths: Sequence[LengthReport], console: Console) -> RenderableType:
    rows = []
    for length in lengths:
        speed = f"{length.prefill_tokens_per_s:.0f} tok/s"
        rows.append((f"{length.prompt_tokens}: request", *_quantiles(length.latency_ms), ""))
        rows.append((f"{length.prompt_tokens}: first token", *_quantiles(length.ttft_ms), speed))
        rows.append((f"{length.prompt_tokens}: per token", *_quantiles(length.itl_ms), ""))
    return grid(console, ("prompt, ms", "mean>", "p50>", "p95>", "p99>", "read>"), rows)


def _rows(report: Report, what: str, rows: Sequence[Row], read: Sequence[Row], console: Console) -> RenderableType:
    head = [what, "calls>", "timed>", "est.>", "share>"]
    if report.prefill is not None:
        head.append(f"read {report.prefill.tokens}>")
    decoded, beside = {row.name: row for row in rows}, {row.name: row for row in read}
    names = sorted(dict.fromkeys([*decoded, *beside]), key=lambda name: name.endswith(_OTHERS))
    lines = []
    for name in names:
        row, other = decoded.get(name), beside.get(name)
        cells = ["", "", "", ""]
        if row is not None:
            cells = [f"{row.calls:.3g}", number(row.timed_us), estimate(row), f"{row.share:.1%}"]
        if report.prefill is not None:
            cells.append("" if other is None else estimate(other))
        lines.append((name, *cells))
    return grid(console, head, lines)


def _without_small(rows: Sequence[Row], read: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Both with small operators added up in a last row."""
    large = {row.name for row in (*rows, *read) if row.share >= _SMALL_SHARE}
    small = {row.name for row in (*rows, *read)} - large
    name = f"{len(small)}{_OTHERS}"

    def folded(given: Sequence[Row]) -> list[Row]:
        rest = [row for row in given if row.name in small]
        return [*(row for row in given if row.name in large), *([added_up(rest, name=name)] if rest else [])]

    return (folded(rows), folded(read)) if len(small) > 1 else (list(rows), list(read))


def _notes(report: Report) -> list[tuple[str, str]]:
    facts, decode = report.device, report.decode
    memory = "" if facts.memory_mb is None else f", {facts.memory_mb:.0f} MB"
    governor = "" if facts.governor is None else f", governor {facts.governor}"
    return [
        (
            "requests",
            f"{report.lengths[0].latency_ms.n} of each length, in turns, after {report.warmup} that do not count;"
            f" backend {report.backend}",
        ),
        (
            "token",
            f"{number(report.step_mean_us)} µs without timing operators, the slowest tenth of {report.step_us.n} left"
            f" out, as everywhere below the first table; p50 {number(report.step_us.p50)}, p95"
            f" {number(report.step_us.p95)}",
        ),
        (
            "timing",
            f"timing operators makes a token take {report.tracing_ratio:.2f} times as long. `timed` is ONNX Runtime's"
            f" own clock, in whole µs. `est.` takes off what timing costs: {report.timing_cost_us:.2f} µs a call, so"
            " that all operators together take what a token takes without it",
        ),
        (
            "outside",
            f"{number(decode.outside_us)} of the {number(decode.run_us)} µs of a timed run are outside of operators:"
            " ONNX Runtime's own work, and timing's",
        ),
        (
            "machine",
            f"{facts.model} ({facts.arch}), {facts.cores} cores{memory}{governor}; {facts.system},"
            f" Python {facts.python}, onnxruntime {facts.onnxruntime or 'missing'}",
        ),
        ("", "This describes this machine. It is no verdict: `tinylm check-budgets` gives one."),
    ]


def _quantiles(summary: Summary) -> list[str]:
    return [number(value) for value in (summary.mean, summary.p50, summary.p95, summary.p99)]


def estimate(row: Row) -> str:
    """Nothing takes no time: an estimate of 0 is less than timing can tell."""
    return "~0" if row.calls and not row.estimated_us else number(row.estimated_us)


def number(value: float) -> str:
    """Three digits, or all of the whole part."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
