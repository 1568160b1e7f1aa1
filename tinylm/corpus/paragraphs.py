"""Cuts cleaned text into paragraphs, and long ones into parts that fit a block (rules: `tinylm.corpus.splitting`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

DUPLICATE_CHARACTERS = 30
"""Characters, whitespace folded, from which a repeated paragraph counts as a duplicate."""
LINE_PARAGRAPH = 160
"""Characters from which a line is a paragraph of its own: no verse, list or hard-wrapped line is as long."""

_BLANK_LINES = re.compile(r"\n{2,}")
_LINE_END = re.compile(r"\n")
_SENTENCE_GAP = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’»)\]]))\s+(?=[^\sa-zà-ÿ])|(?<=[。！？])(?=\S)")
_FINER = (_LINE_END, _SENTENCE_GAP)
_SPACE = re.compile(r"\s+")


class Unit(NamedTuple):
    """A paragraph, or a part of one that was too long: it is never divided between training and validation."""

    gap: str
    """What stood between it and the unit before in its document: newlines, a space, or nothing."""
    text: str

    @property
    def size(self) -> int:
        """UTF-8 bytes of its text."""
        return len(self.text.encode())


def paragraphs(text: str) -> Iterator[Unit]:
    """The paragraphs of a document."""
    for gap, block in _between(text.strip("\n"), _BLANK_LINES):
        if "\n" not in block:
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
    """The unit itself when it has at most `limit` bytes, else its lines, sentences or runs of words."""
    pending = [(unit, 0)]
    while pending:
        part, level = pending.pop()
        if part.size <= limit:
            yield part
        elif level == len(_FINER):
            yield from _runs_of_words(part, limit)
        else:
            pieces = [(gap, text) for gap, text in _between(part.text, _FINER[level]) if text.strip()]
            finer = [
                (Unit(gap if position else part.gap, text), level + 1) for position, (gap, text) in enumerate(pieces)
            ]
            pending += reversed(finer)


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
            yield Unit(widest, unit.text) if len(widest) > len(unit.gap) else unit
            widest = ""


def _between(text: str, separator: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The parts of `text` between matches of `separator`, each with the gap before it."""
    gap, position = "", 0
    for match in separator.finditer(text):
        yield gap, text[position : match.start()]
        gap, position = match[0], match.end()
    yield gap, text[position:]


def _runs_of_words(unit: Unit, limit: int) -> Iterator[Unit]:
    """A sentence without an end in sight, cut at spaces into runs of at most `limit` bytes (or one word)."""
    run, gap_before, filled = "", unit.gap, 0
    for gap, word in _between(unit.text, _SPACE):
        size = len((gap + word).encode())
        if run and filled + size > limit:
            yield Unit(gap_before, run)
            run, gap_before, filled = word, gap, len(word.encode())
        elif word:
            run, filled = (run + gap + word, filled + size) if run else (word, size)
    if run:
        yield Unit(gap_before, run)
