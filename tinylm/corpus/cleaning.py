"""Document-level cleaning, done once, after `tinylm.tokenizer.normalise` and before anything is counted or split.

Books come hard-wrapped: a newline every 70 characters or so that means nothing. A model trained on those learns to
break lines, and every newline costs a token. But in verse, dialogue, lists, tables and code the newline is the
meaning. So a document is unwrapped only when its lines show a common width that a typesetter filled (the first word
of the next line would not have fitted), and then block by block, where the block itself looks like filled prose.
Blocks are what stands between blank lines.

    clean("Alice was beginning to get very tired of sitting by her sister on the\\nbank, and of ...")

`clean` repeats its pass until nothing changes, so it is idempotent by construction; every pass removes line ends or
indented lines, so that ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

CLEANING = "unwrap-1"
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

_SENTENCE_END = re.compile(r"[.!?…:;][\"'”’»)\]*_]*$|[\"”»—]$|--$")
_ITEM = re.compile(r"\s*(?:[-*+•–—>#]|\(?\d{1,3}[.)]|\(?[a-z]\)|[IVX]{1,5}\.)\s")
_SPEECH = re.compile(r"\s*(?:--|[-–—])\S")
_COLUMNS = re.compile(r"\S(?: {3,}|\t)\S|\|.*\|")
_RULE = re.compile(r"\s*[-=+*_~.#|:]{3,}\s*$")
_LETTER = re.compile(r"[^\W_]")
_WORD_END = re.compile(r"(?<=\w-)|(?<=--)|(?<=—)")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
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
    while (cleaned := _clean_once(text)) != text:
        text = cleaned
    return text


def _clean_once(text: str) -> str:
    blocks = _blocks(text)
    layout = _layout(blocks)
    if layout is None:
        return "\n\n".join("\n".join(block) for block in blocks)
    unwrapped = "\n\n".join(_unwrap(block, layout) for block in blocks)
    return _WIDE_SENTENCE_GAP.sub(r"\1 ", unwrapped) if "  " in unwrapped else unwrapped


def _blocks(text: str) -> list[list[str]]:
    """Lines between blank lines, without trailing whitespace."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line := line.rstrip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return blocks if blocks[-1] else blocks[:-1]


def _layout(blocks: list[list[str]]) -> _Layout | None:
    """How the document is wrapped, or None when its newlines all mean something."""
    breaks = [pair for block in blocks for pair in pairwise(block)]
    at_margin = [pair for pair in breaks if _indent(pair[0]) <= SLACK and not any(map(_tabular, pair))]
    if len(at_margin) >= MIN_BREAKS:  # code and tables say nothing about how the prose between them is set
        breaks = at_margin
    if len(breaks) < MIN_BREAKS:
        return None
    lengths = sorted(len(line) for line, _ in breaks)
    width = lengths[(len(lengths) - 1) * 9 // 10]
    if not MIN_WIDTH <= width <= MAX_WIDTH:
        return None
    if sum(_fills(line, following, width) for line, following in breaks) < FILLED_SHARE * len(breaks):
        return None
    lines = [line for block in blocks for line in block]
    if sum(len(line) > width + 10 * SLACK for line in lines) > LONG_SHARE * len(lines):
        return None
    text = "\n".join(lines)
    tight = loose = 0
    if "--" in text or "—" in text:
        tight, loose = len(re.findall(r"\w(?:--|—)\w", text)), len(re.findall(r"\w(?:--|—) ", text))
    words = _WORD.findall(text) if "-\n" in text else []
    return _Layout(width, tight > loose, frozenset(word.lower() for word in words))


def _fills(line: str, following: str, width: int) -> bool:
    """Whether the break after `line` was forced: the next word, up to a hyphen or dash, would not have fitted."""
    room = width - SLACK - len(line) - 1
    if room < 1:
        return True
    word = following.split(maxsplit=1)[0]
    return len(word) > room and len(_WORD_END.split(word, maxsplit=1)[0]) > room


def _unwrap(block: list[str], layout: _Layout) -> str:
    """The block with its meaningless line ends gone; an indented line that opens a paragraph gets a blank line."""
    if len(block) == 1 or not _is_prose(block, layout):
        return "\n".join(block)
    base = min(_indent(line) for line in block)
    text = block[0].lstrip()
    for line, following in pairwise(block):
        if _indent(following) > base and _indent(line) == base and _opens(line, following):
            text += "\n\n" + following.lstrip()
        elif _continues(line, following, layout):
            text = _join(text, following.strip(), layout)
        else:
            text += "\n" + following.strip()
    return text


def _is_prose(block: list[str], layout: _Layout) -> bool:
    """Whether the block's lines fill the width as prose does, by itself and not only in a document that does."""
    breaks = list(pairwise(block))
    longest = max(map(len, block))
    if 2 * sum(_tabular(line) for line in block) >= len(block) or longest > layout.width + 10 * SLACK:
        return False
    lower = sum(_starts_lower(following) for _, following in breaks)
    if all(_indent(line) > SLACK for line in block):  # verse, code and letters, set in from one margin or from both
        filled = sum(_fills(line, following, longest) for line, following in breaks)
        return longest >= MIN_WIDTH and filled >= 0.8 * len(breaks) and 2 * lower >= len(breaks)
    filled = sum(_fills(line, following, layout.width) for line, following in breaks)
    if len(breaks) >= 3 and (lower == 0 or 6 * filled < len(breaks)):  # every line a capital: verse, or titles
        return filled == len(breaks)
    ragged = sum(
        5 * len(line) >= 3 * layout.width and not _ended(line) and _starts_lower(following)
        for line, following in breaks
        if not _fills(line, following, layout.width)
    )
    return filled + ragged >= FILLED_SHARE * len(breaks)


def _continues(line: str, following: str, layout: _Layout) -> bool:
    """Whether the newline after `line`, in a block of prose, is layout: forced by the width, or just set raggedly."""
    if _tabular(line) or _tabular(following):
        return False
    ended, forced, lower = _ended(line), _fills(line, following, layout.width), _starts_lower(following)
    if _ITEM.match(following):
        return forced and not ended
    if _SPEECH.match(following):
        return (forced or lower) and not ended
    if ended:
        return forced or 5 * len(line) >= 4 * layout.width
    return forced or 5 * len(line) >= 3 * layout.width or lower


def _ended(line: str) -> bool:
    return _SENTENCE_END.search(line) is not None


def _opens(line: str, following: str) -> bool:
    """Whether an indented line begins a paragraph rather than hanging from a list item."""
    return _ended(line) and not _starts_lower(following)


def _join(text: str, following: str, layout: _Layout) -> str:
    """`text` and the line after it, with the space, dash or hyphen that belongs between them."""
    if text.endswith(("--", "—")):
        tight = layout.tight_dashes and not text[:-2].endswith(" ")
        return text + ("" if tight else " ") + following
    if text.endswith("-") and text[-2:-1].isalpha() and following[:1].isalpha():
        left, right = _WORD.findall(text[-80:-1])[-1], _WORD.findall(following[:80])[0]
        whole = (left + right).lower()
        hyphenated = f"{left}-{right}".lower()
        return (text[:-1] if whole in layout.words and hyphenated not in layout.words else text) + following
    return f"{text} {following}"


def _tabular(line: str) -> bool:
    """Whether the line is a row of a table, or a rule: columns parted by bars, tabs or wide gaps."""
    if ("   " in line or "\t" in line or "|" in line) and _COLUMNS.search(line):
        return True
    return _RULE.match(line) is not None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _starts_lower(line: str) -> bool:
    """Whether the first letter, after opening quotes and dashes, is lower case: a sentence goes on."""
    first = line[:1]
    if not first.isalnum():
        found = _LETTER.search(line)
        first = found[0] if found else ""
    return first.islower() or first.isdigit()
