"""Lines that begin something of their own: an item, a verse, a message, an entry, a speech, a row, a comment.

    openings(["1. Take the cover off and", "   wait.", "2. Weigh the boxes."], ...)    # {0, 2}

A mark that is known opens a line where the block's first line has one of the same kind, or where the line before is
complete: in wrapped prose a line can begin with a dash or a number by chance. Beyond those, what all lines of a block
have at their beginning is a mark, whatever it is, if words of prose do not look like that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_MARK = re.compile(
    r"""\s*(?:
      (?P<quote> >) | (?P<bar> \|)
    | (?P<bullet> (?:[-*+•·▪◦‣○●■□✓†‡§¶–—]|--)\s )
    | (?P<comment> (?:\#+|//+|;+|%+|--+)\s )
    | (?P<prompt> (?:\$|>>>|\.\.\.|[A-Za-z]:\\\S*>)\s )
    | (?P<number> \(?\d{1,3}(?:[.)]|\.\d+)*[.):]\s )
    | (?P<verse> (?:[1-3]?\ ?[^\W\d_]{1,4}\.?\ )?\d{1,3}:\d{1,3}\s )
    | (?P<letter> \(?(?:[A-Za-z]|[IVXLC]{1,6})[.)]\s )
    | (?P<label> \[[^\]]{1,40}\](?::|\s|\ ?[^\W_(]) | \.\.\ [\[_] )
    | (?P<date> [\[(]?\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b | \[?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?\b[^\n%]{0,3}\s )
    | (?P<nick> <[@+]?[\w-]+>\s )
    | (?P<field> [:@]\w[^:]{0,40}:\s )
    | (?P<speaker> [A-ZÀ-ÖØ-Þ][A-ZÀ-ÖØ-Þ .'’-]+(?:[.:](?:\s|[-–—])|\s?[-–—]\s) )
    | (?P<name> [^\W\d_][\w.'’-]*(?:\ [^\W\d_][\w.'’-]*)?:\s )
    )""",
    re.VERBOSE,
)
_ALONE = ("comment", "prompt", "bar")
"""Kinds of which the line is all: nothing without the mark goes on with it. `#` begins headings, too."""
_BARE_NUMBER = re.compile(r"\s*(\d{1,3}|[¹²³⁰-⁹]+)\s+\S")
_COLUMNS = re.compile(r"\S(?: {3,}|\t)\S|\|.*\||\.{5,}|(?: \.){4,}")
_RULE = re.compile(r"\s*(?:[-=+*_~.#|:^`\"'])(?:[-=+*_~.#|:^`\"' ]{2,})\s*$")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_OPENING = "\"'“‘«¿¡(*_`"
_STARTED_SPEECH = re.compile(r"(?:--|[-–—])[^\w\s]*[^\W\d_]")


def openings(lines: Sequence[str], *, complete: Callable[[int], bool]) -> set[int]:
    """Numbers of the lines that begin something of their own, so that nothing is joined to the line before.

    `complete(n)` says whether line `n` may be a whole: it is not full, or ends as a sentence does.
    """
    numbers = range(len(lines))
    rows = [*map(tabular, lines)]
    if any(rows):
        found = {n for n in numbers if rows[n] or (n and rows[n - 1])}
        lines_alike = _all_alike([line for line, is_row in zip(lines, rows, strict=True) if not is_row])
    else:
        found, lines_alike = set(), _all_alike(lines)
    if lines_alike:
        return {*numbers}
    kinds = [_kind(line) for line in lines]
    opened: set[str] = set()
    for n, kind in enumerate(kinds):
        if kind and (n == 0 or kind in opened or complete(n - 1)) and _is_mark(kind, kinds):
            opened.add(kind)
            found |= {n, n + 1} if kind in _ALONE else {n}
    return found | _counted(lines)


def is_marked(line: str) -> bool:
    """Whether the line begins with a mark that is known, rightly or by chance."""
    return _kind(line) is not None


def tabular(line: str) -> bool:
    """Whether the line is a row of a table, or a rule: columns parted by bars, tabs, dots or wide gaps."""
    wide = "   " in line or "|" in line or "\t" in line or "....." in line or " . . . ." in line
    if wide and _COLUMNS.search(line):
        return True
    return not line[-1].isalnum() and _RULE.match(line) is not None


def _kind(line: str) -> str | None:
    """Which of the known marks the line begins with."""
    first = line.split(maxsplit=1)[0]
    if first.isalpha() and not first.isupper() and ":" not in line:
        return None  # most lines of prose, without the whole of the search
    return match.lastgroup if (match := _MARK.match(line)) else None


def _is_mark(kind: str, kinds: Sequence[str | None]) -> bool:
    """Some are marks in company only: `Note: ...` opens many a paragraph, and `D. Juan` is a gentleman."""
    return kind not in ("name", "speaker", "letter") or kinds.count(kind) > 1


def _counted(lines: Sequence[str]) -> set[int]:
    """Lines that are numbered one after the other, as verses are: `1 In the beginning`, `2 And ...`."""
    if not _BARE_NUMBER.match(lines[0]):
        return set()
    numbers = {
        n: int(match[1].translate(_SUPERSCRIPT)) for n, line in enumerate(lines) if (match := _BARE_NUMBER.match(line))
    }
    values = [*numbers.values()]
    in_order = len(values) > 1 and values == [*range(values[0], values[0] + len(values))]
    return {*numbers} if in_order else set()


_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def _all_alike(lines: Sequence[str]) -> bool:
    """Whether all lines begin with what words of wrapped prose begin with too rarely for chance."""
    if len(lines) < 2:
        return False
    shape, often = _shape(lines[0])
    if shape and len(lines) >= (3 if often else 2) and all(_shape(line)[0] == shape for line in lines[1:]):
        return True
    if not _DIGIT.search(lines[0], 0, 40):
        return False
    return any(
        "0" in (shape := _numbered_shape(lines[0], words))
        and all(_numbered_shape(line, words) == shape for line in lines[1:])
        for words in (2, 3)
    )


def _shape(line: str) -> tuple[str, bool]:
    """What kind of thing the first word is, empty for a plain one; and whether prose often has it there."""
    first = line.split(maxsplit=1)[0]
    if _STARTED_SPEECH.match(first):
        return "", False
    core = first.lstrip(_OPENING)
    word = _WORD.match(core)
    if word is None:
        return ("number", False) if core[:1].isdigit() else (first[:1], first[:1] in _OPENING)
    tail = core[word.end() :]
    if tail[:1].isalnum() or tail[1:2].isalnum():
        return "joined", False  # a path, an address, a call, values parted by commas
    tail = tail.rstrip("\"'”’»)*_`")
    if tail:
        return tail[:1], tail[:1] in ",.;!?…"
    return ("capitals", False) if word[0].isupper() and len(word[0]) > 1 and not line.isupper() else ("", False)


def _numbered_shape(line: str, words: int) -> str:
    return re.sub(r"[^\W\d_]+", "w", re.sub(r"\d+", "0", " ".join(line.split(maxsplit=words)[:words])))
