"""A comparison for people: one line a limit, what each rests on, and one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinylm.base.numerals import number
from tinylm.base.text_table import grid
from tinylm.budget.formats.wording import change, compared, compared_label
from tinylm.budget.report import Comparison, Outcome

if TYPE_CHECKING:
    from rich.console import Console

_MARKS: dict[Outcome, tuple[str, str]] = {
    "better": ("green", "✓ better"),
    "same": ("green", "✓ same"),
    "worse": ("green", "✓ allowed"),
    "regressed": ("bold red", "✗ regressed"),
    "undecided": ("yellow", "? undecided"),
}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the comparison; readable at 50 columns and without colour."""
    from rich.table import Table
    from rich.text import Text

    console.print(Text(f"Against {comparison.old_bundle} of {comparison.old_created}:"), soft_wrap=True)
    console.print()
    if comparison.rows:
        rows = []
        for row in comparison.rows:
            style, mark = _MARKS[row.verdict]
            numbers = (_number(row.old), _number(row.new), *change(row))
            rows.append((compared_label(row), *numbers, Text(mark, style=style)))
        console.print(grid(console, ("limit", "before>", "now>", "change>", "allowed>", "verdict"), rows))
        console.print()
    why = Table.grid(padding=(0, 2, 0, 0))
    why.add_column(no_wrap=True, style="dim")
    why.add_column()
    for row in comparison.rows:
        why.add_row(compared_label(row), Text(row.significance))
    for reason in comparison.why_not:
        why.add_row("why not", Text(reason))
    for note in comparison.notes:
        why.add_row("note", Text(note))
    console.print(why)
    console.print()
    style = {0: "green", 1: "bold red"}.get(comparison.exit_code, "yellow")
    console.print(Text(f"{compared(comparison)}.", style=style))


def _number(value: float | None) -> str:
    return "-" if value is None else number(value)
