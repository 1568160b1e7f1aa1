"""Cuts cleaned text into paragraphs, and long ones into parts that fit a block (rules:
`tinylm.corpus.building.splitting`)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tinylm.corpus.cleaning.verbatim import fenced, may_be_fenced
from tinylm.text.writing_systems import unspaced_characters

DUPLICATE_CHARACTERS = 30
"""Characters, whitespace folded, from which a repeated paragraph counts as a duplicate."""
DUPLICATE_LINES_BYTES = 1000
"""UTF-8 bytes from which lines that were cut out of a block can be a duplicate: a refrain is shorter."""
LINE_PARAGRAPH = 160
"""Characters from which a line is a paragraph of its own: no verse, list or hard-wrapped line is as long."""
WHOLE_LINES = 0.8
"""Share of the lines of a block that must be whole sentences for each to be a paragraph."""
REFRAINS = 0.1
"""Share of repetitions among lines from which they belong to the text, if a line that is repeated stands often."""
REFRAIN_TIMES = 3
COPIES = 0.8
"""Share of repetitions among lines beyond which they are no refrains: a block of copies would stand on both sides."""

_BLANK_LINES = re.compile(r"\n{2,}")
_LINE_END = re.compile(r"\n")
_SENTENCE_GAP = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’»)\]]))\s+(?=[^\sa-zà-ÿ])|(?<=[。！？])(?=\S)")
_SENTENCE = re.compile(r"[^a-zà-ÿ]*[^\W_].*[.!?…。！？][\"'”’»)\]]*$")
_SPACE = re.compile(r"\s+")
_COMMAS = "，、；：,;:།၊"


class Unit(NamedTuple):
    """A paragraph, or a part of one that was too long: it is never divided between training and validation."""

    gap: str
    """What stood between it and the unit before in its document: newlines, a space, or nothing."""
    text: str
    excerpt: bool = False
    """It is some lines of a block, such as verse: cut off at any line, no paragraph."""

    @property
    def size(self) -> int:
        """UTF-8 bytes of its text."""
        return len(self.text.encode())


def paragraphs(text: str) -> Iterator[Unit]:
    """The paragraphs of a document. A block with a fence in it is one, blank lines and all."""
    for gap, block, verbatim in _blocks(text.strip("\n")):
        if verbatim or "\n" not in block:
            if block.strip():
                yield Unit(gap, block)
            continue
        group: list[str] = []
        for line in block.split("\n"):
            if len(line) >= LINE_PARAGRAPH:
                for paragraph in ("\n".join(group), line):
                    if paragraph.strip():
                        yield Unit(gap, paragraph)
                        gap = "\n"
                group = []
            else:
                group.append(line)
        if paragraph := "\n".join(group).strip("\n"):
            yield Unit(gap, paragraph)


def parts(unit: Unit, limit: int) -> Iterator[Unit]:
    """The unit itself when it has at most `limit` bytes, else its lines, runs of lines, sentences or runs of words.

    A word in a script without spaces is a phrase, or a whole book: it is cut too.
    """
    if unit.size <= limit:
        yield unit
    elif "\n" in unit.text:
        whole = _lines_are_paragraphs(unit.text)
        for part in _pieces(unit, _LINE_END) if whole else _runs(unit, _LINE_END, limit):
            yield from [part._replace(excerpt=not whole)] if part.size <= limit else parts(part, limit)
    else:
        for sentence in _pieces(unit, _SENTENCE_GAP):
            for run in [sentence] if sentence.size <= limit else _runs(sentence, _SPACE, limit):
                yield from [run] if run.size <= limit else _phrases(run, limit)


def unit_key(unit: Unit) -> int:
    """The `duplicate_key` of a unit's text; 0 for an excerpt as short as a refrain."""
    return 0 if unit.excerpt and unit.size < DUPLICATE_LINES_BYTES else duplicate_key(unit.text)


def duplicate_key(text: str) -> int:
    """64 bits that texts share when they differ in case and spacing only; 0 for one that may stand in many places.

    Among 10 million different paragraphs the chance that any two share a key is 3 in a million.
    """
    folded = " ".join(text.casefold().split())
    if len(folded) < DUPLICATE_CHARACTERS:
        return 0
    return int.from_bytes(hashlib.blake2b(folded.encode(), digest_size=8).digest(), "little") or 1


def without(units: Iterable[Unit], keep: Iterable[bool]) -> Iterator[Unit]:
    """The units of one section that stay; the widest of the gaps around dropped ones stays too."""
    widest = ""
    for unit, stays in zip(units, keep, strict=True):
        if not stays:
            widest = unit.gap if len(unit.gap) > len(widest) else widest
        else:
            yield unit._replace(gap=widest) if len(widest) > len(unit.gap) else unit
            widest = ""


def _between(text: str, separator: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The parts of `text` between matches of `separator`, each with the gap before it."""
    gap, position = "", 0
    for match in separator.finditer(text):
        yield gap, text[position : match.start()]
        gap, position = match[0], match.end()
    yield gap, text[position:]


def _blocks(text: str) -> Iterator[tuple[str, str, bool]]:
    """What stands between blank lines, each with the gap before it and whether a fence is in it."""
    if not may_be_fenced(text):
        for gap, block in _between(text, _BLANK_LINES):
            yield gap, block, False
        return
    lines = text.split("\n")
    inside = fenced(lines)
    gap, start = "", 0
    for number, line in enumerate(lines):
        blank = not line and not inside[number]
        if blank and number and (lines[number - 1] or inside[number - 1]):
            yield gap, "\n".join(lines[start:number]), any(inside[start:number])
            gap = "\n"
        if blank:
            gap, start = gap + "\n", number + 1
    yield gap, "\n".join(lines[start:]), any(inside[start:])


def _lines_are_paragraphs(text: str) -> bool:
    """Whether each line is one, as in a file of sentences or of copies, and not a verse, a row or a response."""
    lines = text.split("\n")
    times = Counter(key for line in lines if (key := duplicate_key(line)))
    if times.total() - len(times) > COPIES * times.total():
        return True
    if sum(_SENTENCE.match(line) is not None for line in lines) < WHOLE_LINES * len(lines):
        return False
    repeated = [count for count in times.values() if count > 1]
    often = sum(repeated) >= REFRAIN_TIMES * len(repeated)
    return not (often and sum(repeated) - len(repeated) > REFRAINS * times.total())


def _phrases(unit: Unit, limit: int) -> Iterator[Unit]:
    """What stands between two spaces in a script that does not use them, cut behind commas, else between characters."""
    text, gap, start = unit.text, unit.gap, 0
    if 2 * unspaced_characters(text) < len(text):  # an address, or Base64
        yield unit
        return
    while start < len(text):
        end = start + len(text[start : start + limit].encode()[:limit].decode(errors="ignore"))
        if end < len(text):
            commas = max(text.rfind(comma, (start + end) // 2, end) for comma in _COMMAS) + 1
            end = commas or end
            while end > start + 1 and unicodedata.category(text[end]).startswith(
                "M"
            ):  # it belongs to the letter before
                end -= 1
        yield Unit(gap, text[start:end])
        gap, start = "", end


def _pieces(unit: Unit, separator: re.Pattern[str]) -> Iterator[Unit]:
    """The parts of a unit between matches of `separator`, without blank ones."""
    pieces = ((gap, text) for gap, text in _between(unit.text, separator) if text.strip())
    for position, (gap, text) in enumerate(pieces):
        yield Unit(gap if position else unit.gap, text)


def _runs(unit: Unit, separator: re.Pattern[str], limit: int) -> Iterator[Unit]:
    """Runs of such parts, each of at most `limit` bytes, or of one part that is longer."""
    run, gap_before, filled, blank = "", unit.gap, 0, ""
    for gap, part in _between(unit.text, separator):
        gap = blank + gap
        if not part.strip():  # a blank line in a fence
            blank = gap
            continue
        blank = ""
        size = len((gap + part).encode())
        if run and filled + size > limit:
            yield Unit(gap_before, run)
            run, gap_before, filled = part, gap, len(part.encode())
        else:
            run = run + gap + part if run else part
            filled += size if filled else len(part.encode())
    if run:
        yield Unit(gap_before, run)
