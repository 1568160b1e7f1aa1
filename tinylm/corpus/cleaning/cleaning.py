"""Document-level cleaning, done once, after `tinylm.tokenizer.tokenizer.normalise` and before anything is counted or
split.

Books come hard-wrapped: a newline every 70 characters or so that means nothing. A model trained on those learns to
break lines, and every newline costs a token. But in verse, dialogue, lists, tables and code the newline is the
meaning. So a document is unwrapped only when its lines show a common width that a typesetter filled (the first word
of the next line would not have fitted), and then block by block, where the block itself looks like filled prose:
`verbatim` says which blocks are never touched, `line_marks` which lines begin something, `prose` whether words read on.

    clean("Alice was beginning to get very tired of sitting by her sister on the\\nbank, and of ...")

`clean` repeats its pass until nothing changes, so it is idempotent by construction; every pass removes line ends or
indented lines, so that ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tinylm.corpus.cleaning.invisible import SOFT_HYPHEN, without_invisible
from tinylm.corpus.cleaning.line_marks import is_marked, openings, tabular
from tinylm.corpus.cleaning.prose import is_code, lines_are_meant, punctuated, starts_upper
from tinylm.corpus.cleaning.verbatim import Block, blocks, indent
from tinylm.text.writing_systems import is_ideographic

CLEANING = "unwrap-3"
"""Name of what `clean` does; it changes whenever the function's result does."""

MIN_WIDTH, MAX_WIDTH = 50, 130
"""Columns a hard-wrapped text may be filled to: below is verse, above are paragraphs that stand on one line each."""
MIN_BREAKS = 3
"""Line breaks inside blocks that a document must show before a common width can be told from chance."""
SLACK = 3
"""Columns a typesetter may leave unused though the next word would have fitted; hand-wrapped books do."""
FILLED_SHARE = 0.5
"""Share of line breaks that must be filled; measured: prose 0.85 to 1.00, verse, lists and code under 0.4."""
LONG_SHARE = 0.05
"""Share of lines that may stick out far beyond the width; above it, paragraphs stand on one line each already."""

_CLOSING = "\"'”’»)]*_"
_SENTENCE_END = tuple(".!?…:;")
_HARD_BREAK = ("\\", "<br>", "<br/>", "<br />")
_SPEECH = re.compile(r"\s*(?:--|[-–—])\S")
# Dashes after a word; patterns that begin with what they look for are the fast ones.
_TIGHT = (re.compile(r"--(?<=\w--)\w"), re.compile(r"—(?<=\w—)\w"))
_LOOSE = (re.compile(r"--(?<=\w--) "), re.compile(r"—(?<=\w—) "))
_WORD_END = re.compile(r"(?<=\w-)|(?<=--)|(?<=—)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PARTED_WORD = re.compile("([^\\W\\d_])[\u00ad¬]\n[ \t]*([^\\W\\d_]\\S*)(?:[ \t]+|(\n)|$)")
_PAGE_NUMBER = re.compile(
    r"\s*(?:[\[({]?(?:(?:p|pg|page|pág|página|seite)\.? ?)?\d{1,4}[\])}]?|[-–—] ?\d{1,4} ?[-–—])", re.I
)
_WIDE_SENTENCE_GAP = re.compile(r"(?<=\w[.!?])([\"'”’»)]*) {2,3}(?=[\"'“‘«¿¡(]?[^\W\d_])")


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a hard-wrapped document was set."""

    width: int
    """Columns that its lines fill."""
    tight_dashes: bool
    """Dashes stand between words without spaces (`Council--Baloo`), so a line end after one is no space."""
    words: frozenset[str]
    """Words inside lines, lower case, hyphenated ones whole: they tell `rabbit-hole` from `inter-esting`. Not gathered
    when no line ends with a hyphen."""


def clean(text: str) -> str:
    """Return normalised `text` without layout: prose unwrapped, other lines kept, at most one blank line in a row.

    Trailing whitespace goes, and so do blank lines at both ends. An empty result means that there was nothing but
    whitespace. `clean(clean(text)) == clean(text)`.
    """
    text = without_invisible(text)
    while (cleaned := _clean_once(text)) != text:
        text = cleaned
    return text


def _clean_once(text: str) -> str:
    found = blocks(text)
    layout = _layout(found)
    if layout is None:
        return "".join(block.gap + _as_lines(block) for block in found)
    unwrapped = "".join(block.gap + _unwrap(block, layout) for block in _across_pages(found, layout))
    return _WIDE_SENTENCE_GAP.sub(r"\1 ", unwrapped) if "  " in unwrapped else unwrapped


def _layout(found: Sequence[Block]) -> _Layout | None:
    """How the document is wrapped, or None when its newlines all mean something."""
    if sum(len(block.lines) - 1 for block in found if not block.verbatim) < MIN_BREAKS:
        return None
    # code and tables say nothing about how the prose between them is set
    prose = [[line for line in block.lines if not tabular(line)] for block in found if not block.verbatim]
    breaks = [pair for lines in prose for pair in pairwise(lines)]
    width = _width(breaks) or _width([pair for pair in breaks if not is_marked(pair[1])])  # nor do lists
    if width is None:
        return None
    lines = [line for of_block in prose for line in of_block]
    if sum(_sticks_out(line, width) for line in lines) > LONG_SHARE * len(lines):
        return None
    text = "\n".join(lines)
    tight, loose = (sum(len(dash.findall(text)) for dash in dashes) for dashes in (_TIGHT, _LOOSE))
    words = _WORD.findall(text) if "-\n" in text or "\u2010\n" in text else []
    return _Layout(width, tight > loose, frozenset(word.lower() for word in words))


def _width(breaks: Sequence[tuple[str, str]]) -> int | None:
    """Columns that the lines fill, or None when most of them would have had room for the next word."""
    if len(breaks) < MIN_BREAKS:
        return None
    lengths = sorted(len(line) for line, _ in breaks)
    width = lengths[(len(lengths) - 1) * 9 // 10]
    if not MIN_WIDTH <= width <= MAX_WIDTH:
        return None
    filled = sum(_fills(line, following, width) for line, following in breaks)
    return width if filled >= FILLED_SHARE * len(breaks) else None


def _fills(line: str, following: str, width: int) -> bool:
    """Whether the break after `line` was forced: the next word, up to a hyphen or dash, would not have fitted."""
    room = width - SLACK - len(line) - 1
    if room < 1:
        return True
    word = following.split(maxsplit=1)[0]
    return len(word) > room and len(_WORD_END.split(word, maxsplit=1)[0]) > room


def _sticks_out(line: str, width: int) -> bool:
    """Whether the line is far longer than the width, and not for the sake of an address or another long word."""
    return len(line) > width + 10 * SLACK and 2 * max(map(len, line.split())) < width


def _as_lines(block: Block) -> str:
    """The block's lines; what a soft hyphen parts at a line end is moved to the line where the word begins."""
    text = "\n".join(block.lines)
    if not block.verbatim and (SOFT_HYPHEN in text or "¬" in text):
        text = _PARTED_WORD.sub(lambda found: found[1] + found[2] + "\n", text).removesuffix("\n")
    return text.replace(SOFT_HYPHEN, "")


def _across_pages(found: Sequence[Block], layout: _Layout) -> Iterator[Block]:
    """The blocks; the halves of a paragraph that the number of a page stands between are one."""
    waiting: list[Block] = []  # a block, and a page number behind it
    for block in found:
        if len(waiting) == 2 and _goes_on(waiting[0], block, layout):
            waiting = [waiting[0]._replace(lines=waiting[0].lines + block.lines)]
        elif len(waiting) == 1 and len(block.lines) == 1 and _PAGE_NUMBER.fullmatch(block.lines[0]):
            waiting.append(block)
        else:
            yield from waiting
            waiting = [block]
    yield from waiting


def _goes_on(first: Block, second: Block, layout: _Layout) -> bool:
    """Whether a sentence in prose runs from a full last line of one block into the next."""
    line, following = first.lines[-1], second.lines[0]
    return (
        not (first.verbatim or second.verbatim or punctuated(line) or is_marked(following) or tabular(line))
        and starts_upper(following) is False
        and indent(line) == indent(following)
        and _fills(line, following, layout.width)
    )


def _unwrap(block: Block, layout: _Layout) -> str:
    """The block with its meaningless line ends gone; an indented line that opens a paragraph gets a blank line."""
    lines = block.lines
    if len(lines) == 1 or block.verbatim:
        return _as_lines(block)
    forced = [_fills(line, following, layout.width) for line, following in pairwise(lines)]
    opening = openings(lines, complete=lambda n: not forced[n] or _ended(lines[n]))
    paragraphs = set()
    columns = [indent(line) for line in lines]
    base = min(columns)
    if any(columns):
        paragraphs = {n for n in range(1, len(lines)) if _opens(lines, columns, base, n)}
        for n in range(1, len(lines) - 1):  # a first line may stand apart from those under it, others form a column
            if abs(columns[n] - columns[n + 1]) > 1 and n not in opening and n not in paragraphs:
                opening.add(n + 1)
    inside = [n for n in range(len(lines) - 1) if n + 1 not in opening and n + 1 not in paragraphs]
    if not _is_prose(lines, inside, forced, 0 in opening, layout):
        return _as_lines(block)
    text = lines[0].strip() if paragraphs else lines[0][base:]
    for number, following in enumerate(lines[1:], start=1):
        if number in paragraphs:
            text += "\n\n" + following.lstrip()
        elif number not in opening and _continues(lines[number - 1], following, forced[number - 1], layout):
            text = _join(text, following.strip(), layout)
        else:
            text += "\n" + following[base:]
    return text


def _opens(lines: list[str], columns: list[int], base: int, number: int) -> bool:
    """Whether a line that is set in begins a paragraph rather than hanging from a list item."""
    before = base if columns[0] > base + 1 else columns[number - 1]  # paragraphs of one line may follow one another
    set_in = columns[number] > before + 1 and before <= base + 1
    return set_in and _ended(lines[number - 1]) and starts_upper(lines[number]) is not False


def _is_prose(lines: list[str], inside: list[int], forced: list[bool], marked: bool, layout: _Layout) -> bool:
    """Whether the line ends `inside` the block's parts fill the width as prose does, and its words read on."""
    if not inside:
        return False
    filled = sum(forced[n] for n in inside)
    if filled < len(inside):
        filled += sum(
            not forced[n]
            and 5 * len(lines[n]) >= 3 * layout.width
            and not _ended(lines[n])
            and starts_upper(lines[n + 1]) is False
            for n in inside
        )
    if filled < FILLED_SHARE * len(inside) or any(_sticks_out(line, layout.width) for line in lines):
        return False
    if not marked and starts_upper(lines[0]) is False and not punctuated(lines[-1]):
        return False  # no beginning and no end of a sentence: verse without capitals, ingredients, names
    return not is_code(lines) and not lines_are_meant(lines, inside)


def _continues(line: str, following: str, forced: bool, layout: _Layout) -> bool:
    """Whether the newline after `line`, in a block of prose, is layout: forced by the width, or just set raggedly."""
    if _PARTED_WORD.match(f"{line[-2:]}\n{following}"):
        return True
    if _SPEECH.match(following):
        return starts_upper(following) is False or (forced and not _ended(line))
    if line.endswith(_HARD_BREAK):
        return False
    if forced:
        return True
    if indent(following) > indent(line) and not is_marked(line):
        return False  # a term, and under it what it means
    if _ended(line):
        return 5 * len(line) >= 4 * layout.width
    return 5 * len(line) >= 3 * layout.width or starts_upper(following) is False


def _ended(line: str) -> bool:
    """Whether a sentence may end with the line."""
    return line.endswith(('"', "”", "»", "—", "--")) or line.rstrip(_CLOSING).endswith(_SENTENCE_END)


def _join(text: str, following: str, layout: _Layout) -> str:
    """`text` and the line after it, with the space, dash or hyphen that belongs between them."""
    if text.endswith((SOFT_HYPHEN, "¬")) and text[-2:-1].isalpha() and following[:1].isalpha():
        return text[:-1] + following
    if text.endswith(("--", "—")):
        tight = layout.tight_dashes and not text[:-2].endswith(" ")
        return text + ("" if tight else " ") + following
    if text.endswith(("-", "\u2010")) and text[-2:-1].isalpha() and following[:1].isalpha():
        left, right = _WORD.findall(text[-80:-1])[-1], _WORD.findall(following[:80])[0]
        whole = (left + right).lower()
        hyphenated = f"{left}-{right}".lower()
        return (text[:-1] if whole in layout.words and hyphenated not in layout.words else text) + following
    if is_ideographic(text[-1]) and is_ideographic(following[0]):
        return text + following
    return f"{text} {following}"
