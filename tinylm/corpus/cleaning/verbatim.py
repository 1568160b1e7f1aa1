"""Lines that stay as they are whatever they look like: fenced code, and what is set in by four columns or after `::`.

    blocks("Some text:\\n```\\ncode\\n```")    # [Block("", ["Some text:"], False), Block("\\n", ["```", ...], True)]

A fence is a line of three or more backticks or tildes, as in CommonMark, at any indent and also inside a quote. One
that is never closed goes on to the end of the document. Underlines of headings and rules between scenes are made of
tildes too; they are told by what stands around them. HTML, LaTeX and Org have environments that do the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

CODE_INDENT = 4
"""Columns beyond the margin from which a block is code, output, verse or an address, as in Markdown."""

_FENCE = re.compile(r"[ \t]*(?:>[ \t]?)*(`{3,}(?=[^`]*$)|~{3,})[ \t]*(.*)$")
_ENVIRONMENT = re.compile(
    r"[ \t]*(?:<(pre|script|style)\b[^<]*>|#\+begin_(src|example|verse)\b"
    r"|\\begin\{((?:verbatim|lstlisting|minted|alltt|verse|tabular|align|equation|array)\*?)\})",
    re.IGNORECASE,
)
_ENVIRONMENT_ENDS = ("", "</{}>", r"#\+end_{}", r"\\end\{{{}\}}")
_OPENERS = ("```", "~~~", "<pre", "<PRE", "<script", "<style", "#+", "\\begin{")
_ITEM = re.compile(r"[ \t]*(?:[-*+•–—]|\(?(?:\d{1,3}|[A-Za-z#])[.)])[ \t]+(?=\S)")
_EXPLICIT = re.compile(r"^[ \t]*\.\. (?:[\w-]+::|[_\[]\S)", re.MULTILINE)
"""What only reStructuredText has; there a block that is set in is a quotation, and code is announced."""
_CODE = re.compile(r"[ \t]*\.\. (?:(?:source|parsed-)?(?:code|literal)(?:-block)?|math|doctest|testcode)::")


class Block(NamedTuple):
    """Lines without blank ones between them."""

    gap: str
    """What stands before it: nothing, a line end, or a blank line."""
    lines: list[str]
    """Without trailing whitespace."""
    verbatim: bool


def blocks(text: str) -> list[Block]:
    """The blocks of a text, in order; at most one blank line is left between two."""
    lines = [line.rstrip() for line in text.split("\n")]
    inside = fenced(lines) if may_be_fenced(text) else [False] * len(lines)
    found: list[Block] = []
    gap = "\n\n"
    for line, verbatim in zip(lines, inside, strict=True):
        if not line:
            gap = "\n\n"
        elif gap == "\n" and found[-1].verbatim == verbatim:
            found[-1].lines.append(line)
        else:
            found.append(Block(gap if found else "", [line], verbatim))
            gap = "\n"
    if "\n  " in text or "\n\t" in text or text.startswith((" ", "\t")):
        return _set_in(found, announced=".. " in text and _EXPLICIT.search(text) is not None)
    return found


def may_be_fenced(text: str) -> bool:
    """A quick test: False where no line can open a fence."""
    return any(opener[0] in text and opener in text for opener in _OPENERS)


def fenced(lines: Sequence[str]) -> list[bool]:
    """For each line without trailing whitespace: does it stand inside a fence, or is it one?"""
    inside = []
    closes: Callable[[str], object] | None = None
    for number, line in enumerate(lines):
        if closes:
            inside.append(True)
            closes = None if closes(line) else closes
        else:
            around = [lines[n].strip() if 0 <= n < len(lines) else "" for n in (number - 1, number + 1)]
            closes = _opened(line, *around)
            inside.append(closes is not None)
    return inside


def _opened(line: str, before: str, after: str) -> Callable[[str], object] | None:
    """What tells the end of the verbatim lines that `line` opens; None when it opens none."""
    if match := _FENCE.match(line):
        if _is_rule(match[1], match[2], before, after):
            return None
        return re.compile(rf"[ \t]*(?:>[ \t]?)*{match[1]}{match[1][0]}*$").match
    if match := _ENVIRONMENT.match(line):
        end = _ENVIRONMENT_ENDS[match.lastindex or 0].format(re.escape(match[match.lastindex or 0]))
        return None if re.search(end, line) else re.compile(end, re.IGNORECASE).search
    return None


def _is_rule(mark: str, language: str, before: str, after: str) -> bool:
    """Whether a line that could open a fence underlines a heading, or parts scenes."""
    if language:
        return False
    underlines = bool(before) and len(mark) >= len(before) and (mark[0] == "~" or len(mark) > 3)
    return underlines or (mark[0] == "~" and not before and not after)


def indent(line: str) -> int:
    """Columns of whitespace before the line; a tab goes to the next fourth."""
    if not line[:1].isspace():
        return 0
    blank = line[: len(line) - len(line.lstrip())]
    return len(blank.expandtabs(CODE_INDENT)) if "\t" in blank else len(blank)


def _set_in(found: list[Block], *, announced: bool) -> list[Block]:
    """The same blocks; those that are set in as code are verbatim, where `announced` after `::` only."""
    indents = [min(map(indent, block.lines)) for block in found]
    if not any(indents):
        return found
    margin = _margin(found)
    literal: int | None = None  # the indent beyond which everything belongs to a literal block
    items: set[int] = set()  # columns at which the text of open list items begins
    marked = []
    for block, column in zip(found, indents, strict=True):
        verbatim = block.verbatim
        if not verbatim:
            literal = literal if literal is not None and column > literal else None
            items = {item for item in items if item <= column}
            verbatim = literal is not None or (not announced and column >= margin + CODE_INDENT and column not in items)
        if not verbatim:
            items |= {match.end() for match in map(_ITEM.match, block.lines) if match}
            last = block.lines[-1]
            if last.endswith("::") and not last.endswith(":::"):
                literal = max([indent(last), *(match.end() for match in [_ITEM.match(last)] if match)])
            elif announced and (directive := next(filter(_CODE.match, block.lines), None)):
                literal = indent(directive)
        marked.append(block._replace(verbatim=verbatim))
    return marked


def _margin(found: Sequence[Block]) -> int:
    """The column at which most lines begin: some documents are set in as a whole."""
    columns = Counter(indent(line) for block in found if not block.verbatim for line in block.lines)
    (column, count), *_ = columns.most_common(1) or [(0, 0)]
    return column if 2 * count > columns.total() else 0
