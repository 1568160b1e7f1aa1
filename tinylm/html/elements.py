"""HTML that pages are made of: the document, escaped text, sections, tables, lists, charts.

A report may come from anywhere. So text becomes HTML in these functions and nowhere else: they take plain text and
escape it, and what is HTML already is called so (`body`, `parts`, `items`). The page forbids itself, by its content
security policy, to load or run anything, so that a page from elsewhere can be opened safely.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from importlib import resources

from tinylm.base.printable import printable
from tinylm.html.charts import Chart, drawing
from tinylm.html.svg import stylesheet

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CODE = re.compile(r"`([^`]+)`")


def style() -> str:
    """The page's whole style sheet, its charts' included."""
    return (resources.files("tinylm.html") / "style.css").read_text(encoding="utf-8") + stylesheet()


def document(*, title: str, parts: Iterable[str], footer: str) -> str:
    """One HTML document of `parts`, which are HTML; `title` and `footer` are plain text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="generator" content="tinylm">'  # `--corpus .` does not learn it
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(title.replace('`', ''))}</title><style>{style()}</style></head>\n"
        f"<body><main>\n{''.join(parts)}<footer>{text(footer)}</footer></main></body></html>\n"
    )


def text(words: str) -> str:
    """Text as HTML; what stands in backquotes is a name or a command, and looks like one."""
    pieces = _CODE.split(printable(words))
    return "".join(
        f"<code>{html.escape(piece)}</code>" if place % 2 else html.escape(piece) for place, piece in enumerate(pieces)
    )


def verbatim(words: str) -> str:
    """Text as HTML with its backquotes as they are: what a model wrote, the name of a folder, an attribute."""
    return html.escape(printable(words))


def section(title: str, *parts: str, lead: str = "") -> str:
    """A titled box; `lead` is a sentence on what it shows."""
    opening = f'<p class="lead">{text(lead)}</p>' if lead else ""
    return f"<section><h2>{text(title)}</h2>{opening}{''.join(parts)}</section>\n"


def subtitle(words: str) -> str:
    """A heading inside a section; its words are escaped."""
    return f"<h3>{text(words)}</h3>"


def evidence(words: str) -> str:
    """What a line above rests on, in small letters."""
    return f'<div class="evidence">{text(words)}</div>'


def paragraph(words: str, *, kind: str = "") -> str:
    """A paragraph of escaped words, with a class of the style sheet."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def chip(tone: str, words: str) -> str:
    """A few words in the colour of a verdict: `pass`, `fail`, `undecided` or `not_measured`."""
    return f'<span class="chip {tone}">{text(words)}</span>'


def bullets(items: Iterable[str], *, kind: str = "plain") -> str:
    """A list without bullets, of HTML, with a class of the style sheet; nothing without items."""
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f'<ul class="{kind}">{rows}</ul>' if rows else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], total: Sequence[str] = ()) -> str:
    """A table whose first column says what a row is about, and whose others are numbers; `total` is its last row.

    A name of a column may end in `>`, as in `tinylm.base.text_table`; here it means nothing.
    """
    if not rows:
        return ""
    titles = "".join(f'<th scope="col">{text(title.removesuffix(">"))}</th>' for title in head)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    foot = f"<tfoot><tr>{_cells(total)}</tr></tfoot>" if total else ""
    # A table that is wider than a phone scrolls in a box of its own; the page never does.
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody>{foot}</table></div>'


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
        drawn = drawing(*charts, inline=True) if charts else ""
    except (ValueError, OverflowError, ZeroDivisionError):  # numbers that no measurement gives
        return paragraph("These values cannot be drawn.", kind="note")
    if not drawn:
        return ""
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    return f"<figure>{drawn}{below}</figure>"
