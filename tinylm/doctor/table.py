"""The findings for people: one line for each check, and under it why it matters and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinylm.base.numerals import counted
from tinylm.base.text_table import grid
from tinylm.doctor.examination import Examination
from tinylm.doctor.finding import Finding
from tinylm.onnx.kernels import LEVELS

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_MARKS = {
    "ok": ("green", "✓ ok"),
    "note": ("cyan", "· note"),
    "warning": ("yellow", "! warning"),
    "problem": ("bold red", "✗ problem"),
}
_MARK_WIDTH = max(len(mark) for _, mark in _MARKS.values())


def print_examination(examination: Examination, console: Console) -> None:
    """Print the examination; readable at 80 columns and without colour."""
    from rich.text import Text

    check_width = max(len(finding.check) for finding in examination.findings)
    for finding in examination.findings:
        _print_finding(finding, console, check_width=check_width)
    if examination.bundle is not None and examination.bundle.operators:
        console.print()
        console.print(_operators(examination, console))
    console.print()
    counts = {level: sum(finding.level == level for finding in examination.findings) for level in LEVELS}
    parts = [
        f"{count} ok" if level == "ok" else counted(count, level) for level, count in reversed(counts.items()) if count
    ]
    console.print(Text(", ".join(parts) + ".", style=_MARKS[examination.level][0]))


def _print_finding(finding: Finding, console: Console, *, check_width: int) -> None:
    """One line in columns; why and what to do below it, in what is left of the whole width."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    style, mark = _MARKS[finding.level]
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(width=_MARK_WIDTH)
    line.add_column(width=check_width)
    line.add_column(overflow="fold")
    line.add_row(Text(mark, style=style), finding.check, Text(finding.what))
    console.print(line)
    for label, text, text_style in (("why", finding.why, "dim"), ("do", finding.what_to_do, "")):
        if text:
            more = Table.grid(padding=(0, 1, 0, 0))
            more.add_column(width=4)
            more.add_column(overflow="fold")
            more.add_row(Text(f"{label}:", style="dim"), Text(text, style=text_style))
            console.print(Padding(more, (0, 0, 0, _MARK_WIDTH + 2)))


def _operators(examination: Examination, console: Console) -> RenderableType:
    from rich.text import Text

    rows = []
    for row in examination.bundle.operators if examination.bundle else ():
        style, mark = _MARKS[row.level]
        weights = ", ".join(part for part in (row.weights, row.detail) if part) or "-"
        inside = f"{mark.partition(' ')[0]} {'integer' if row.integer else 'float'}"
        rows.append((row.op, str(row.count), weights, row.kernel, Text(inside, style=style)))
    kernel = "kernel on this processor"
    return grid(console, ("operator", "count>", "weights", kernel, "inside"), rows, wraps=kernel)
