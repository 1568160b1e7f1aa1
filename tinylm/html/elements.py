"""HTML that every part of the page is made of: escaped text, sections, tables, facts, charts.

A report may come from anywhere. So text becomes HTML in these functions and nowhere else: they take plain text and
escape it, and what is HTML already is called so (`body`, `parts`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

from tinylm.base.printable import printable
from tinylm.html.charts import Chart, document

_CODE = re.compile(r"`([^`]+)`")


def text(words: str) -> str:
    """Text as HTML; what stands in backquotes is a name or a command, and looks like one."""
    pieces = _CODE.split(printable(words))
    return "".join(
        f"<code>{html.escape(piece)}</code>" if place % 2 else html.escape(piece) for place, piece in enumerate(pieces)
    )


def verbatim(words: str) -> str:
    """Text as HTML with its backquotes as they are: what a model wrote, the name of a folder."""
    return html.escape(printable(words))


def attribute(words: str) -> str:
    """Text for the inside of a quoted attribute."""
    return html.escape(printable(words), quote=True)


def section(title: str, *parts: str, lead: str = "") -> str:
    """A titled box; `lead` is a sentence on what it shows."""
    opening = f'<p class="lead">{text(lead)}</p>' if lead else ""
    return f"<section><h2>{text(title)}</h2>{opening}{''.join(parts)}</section>\n"


def subtitle(words: str) -> str:
    """A heading inside a section; its words are escaped."""
    return f"<h3>{text(words)}</h3>"


def paragraph(words: str, *, kind: str = "") -> str:
    """A paragraph of escaped words, with a class of the style sheet."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, total: Sequence[str] = ()) -> str:
    """A table whose first column says what a row is about, and whose others are numbers; `total` is its last row."""
    titles = "".join(f'<th scope="col">{text(title)}</th>' for title in head)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    foot = f"<tfoot><tr>{_cells(total)}</tr></tfoot>" if total else ""
    # A table that is wider than a phone scrolls in a box of its own; the page never does.
    return (
        f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody>{foot}</table></div>'
        if rows
        else ""
    )


def _cells(row: Sequence[str]) -> str:
    first, *others = row
    return f'<th scope="row">{text(first)}</th>' + "".join(f"<td>{text(cell)}</td>" for cell in others)


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what they stand for, one pair a line."""
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{rows}</dl>'


def folded(words: str, body: str) -> str:
    """What few want to see at once."""
    return f"<details><summary>{text(words)}</summary>{body}</details>" if body else ""


def columns(*parts: str) -> str:
    """Parts beside one another where there is room."""
    return f'<div class="columns">{"".join(f"<div>{part}</div>" for part in parts if part)}</div>'


def figure(draw: Callable[[], Sequence[Chart]], *, caption: str = "") -> str:
    """Charts beneath one another, with a sentence on how to read them; nothing when there is nothing to draw."""
    try:
        charts = draw()
        drawing = document(*charts, inline=True) if charts else ""
    except (ValueError, OverflowError, ZeroDivisionError):  # numbers that no measurement gives
        return paragraph("These values cannot be drawn.", kind="note")
    if not drawing:
        return ""
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return f"<figure>{drawing}{below}</figure>"
