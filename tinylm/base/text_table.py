"""Tables that stay whole on a narrow terminal: where a row's cells do not fit beside its label, they stand under it.

    console.print(grid(console, ("limit", "figure>", "allowed>"), [("peak memory", "50.1", "400 MB")]))

A column whose name ends in `>` stands at the right. No label and no number is ever cut or broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text


def grid(
    console: Console,
    head: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    wraps: str | None = None,
    total: bool = False,
) -> RenderableType:
    """The rows as a table, or one under another when `console` is too narrow for it.

    The column `wraps` holds sentences, which may take several lines; a `total` is the last row, and stands apart.
    """
    from rich.measure import Measurement

    table = _table(head, rows, wraps=wraps, total=total)
    needed = Measurement.get(console, console.options.update(width=10_000), table).maximum
    if wraps is not None:
        sentences = [wraps, *(str(row[head.index(wraps)]) for row in rows)]
        needed -= max(map(len, sentences)) - max(len(word) for sentence in sentences for word in sentence.split())
    return table if needed <= console.width else _stacked(head, rows, width=console.width)


def pairs(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Labels and sentences beside one another, a row for each; sentences take as many lines as they need."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column()
    for label, words in rows:
        table.add_row(label, Text(words))
    return table


def print_blocks(console: Console, *blocks: RenderableType | None) -> None:
    """Print blocks with an empty line between them; None is left out."""
    for place, block in enumerate(block for block in blocks if block is not None):
        if place:
            console.print()
        console.print(block)


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str | Text]], *, wraps: str | None, total: bool
) -> RenderableType:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in head:
        right = name.endswith(">")
        table.add_column(name.removesuffix(">"), justify="right" if right else "left", no_wrap=name != wraps)
    for place, row in enumerate(rows, 1):
        if total and place == len(rows):
            table.add_section()
        table.add_row(*row)
    return table


def _stacked(head: Sequence[str], rows: Sequence[Sequence[str | Text]], *, width: int) -> RenderableType:
    """Each row's first cell on a line of its own, the others under it as `name value`, as many as the line holds.

    The first column's name, which may hold the unit of all others, stands above.
    """
    from rich.text import Text

    lines = [Text(head[0], style="dim")] if head[0] else []
    for label, *cells in rows:
        lines.append(Text.assemble(label, style="bold"))
        line = Text("  ")
        names = (name.removesuffix(">") for name in head[1:])
        pieces = [Text.assemble(f"{name} ".lstrip(), cell) for name, cell in zip(names, cells, strict=True) if cell]
        for place, piece in enumerate(pieces):
            if place < len(pieces) - 1:
                piece.append(",")
            if len(line) > 2 and line.cell_len + 1 + piece.cell_len > width:
                lines.append(line)
                line = Text("  ")
            line = Text.assemble(line, " " if len(line) > 2 else "", piece)
        lines.append(line)
    return Text("\n").join(lines)
