"""Deduplicates documents and divides them into training and validation text that have nothing in common.

The order matters: windows that overlap, or a paragraph that stands in two books, would let a model be graded on what
it has read. So, over the whole corpus and in this order:

1. Documents are cut into paragraphs: what stands between blank lines. A line of `LINE_PARAGRAPH` characters is one by
   itself: files with a paragraph on each line have no blank lines.
2. A paragraph of at least `DUPLICATE_CHARACTERS` that occurred before, whatever its case and spacing, is dropped.
   Shorter ones stay: "Yes." and "CHAPTER I" rightly stand in many places.
3. Per language, paragraphs in order fill blocks of about 4 KB, and every tenth block is validation. Less than 80 KB
   of a language makes smaller blocks, a twentieth of it each (at least 200 bytes), and with fewer than ten blocks
   the last one is validation. A paragraph longer than a block is cut into lines, lines into sentences, sentences
   into words, as far as needed; what was cut is deduplicated once more, by the same rule. So each line is a
   paragraph in a file that has a sentence on each.

Documents that name their side keep it and take no part in the blocks, but in deduplication they do. A language with
under `MINIMUM_BYTES` of distinct text trains only; a corpus that leaves no validation text is an error.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tinylm.corpus.documents import Document, Piece, Split
from tinylm.corpus.statistics import Dropped
from tinylm.errors import TinylmError

BLOCK_BYTES = 4096
"""UTF-8 bytes of a block, at most, unless one word is longer."""
SMALLEST_BLOCK_BYTES = 200
BLOCKS_WANTED = 20
"""Blocks that a language should have at least, so that every tenth makes two."""
VALIDATION_EVERY = 10
DUPLICATE_CHARACTERS = 30
"""Characters, whitespace folded, from which a repeated paragraph counts as a duplicate."""
LINE_PARAGRAPH = 160
"""Characters from which a line is a paragraph of its own: no verse, list or hard-wrapped line is as long."""
MINIMUM_BYTES = 500
"""UTF-8 bytes of distinct text in a language below which holding a part out would mean nothing."""

_BLANK_LINES = re.compile(r"\n{2,}")
_LINE_END = re.compile(r"\n")
_SENTENCE_GAP = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’»)\]]))\s+(?=[^\sa-zà-ÿ])|(?<=[。！？])(?=\S)")
_FINER = (_LINE_END, _SENTENCE_GAP)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A paragraph, or a part of one that was too long: it is never divided between the two sides."""

    text: str
    gap: str
    """What stood between it and the unit before in its document: newlines, a space, or nothing."""
    document: int
    """Index of its document in the corpus."""


def split(documents: Iterable[Document], *, dropped: Dropped | None = None) -> tuple[list[Piece], list[Piece]]:
    """Divide cleaned documents into training and validation pieces, both in the order of the documents.

    `dropped`, when given, is told the duplicates and the documents that had nothing to give. TinylmError when one of
    the two sides would be empty, with the distinct bytes of each language and the minimum.
    """
    dropped = Dropped() if dropped is None else dropped
    corpus = list(documents)
    paragraphs = _deduplicate((u for i, document in enumerate(corpus) for u in _paragraphs(document.text, i)), dropped)
    sizes = {document.language: BLOCK_BYTES for document in corpus}
    while True:  # smaller blocks can show new duplicates, and those leave less text: sizes only fall, so this ends
        in_parts = Dropped()
        units = _deduplicate((part for u in paragraphs for part in _parts(u, corpus[u.document], sizes)), in_parts)
        distinct = dict.fromkeys(sizes, 0)
        for unit in units:
            if corpus[unit.document].split is None:
                distinct[corpus[unit.document].language] += _size(unit)
        smaller = {
            language: min(size, max(SMALLEST_BLOCK_BYTES, distinct[language] // BLOCKS_WANTED))
            for language, size in sizes.items()
        }
        if smaller == sizes:
            break
        sizes = smaller
    dropped.duplicate_paragraphs += in_parts.duplicate_paragraphs
    dropped.duplicate_bytes += in_parts.duplicate_bytes
    dropped.empty_documents += len(corpus) - len({unit.document for unit in units})
    train, val = _pieces(units, _sides(units, corpus, sizes, distinct), corpus)
    if not train or not val:
        have = ", ".join(f"`{language}` {size:,} bytes" for language, size in sorted(distinct.items())) or "no text"
        raise TinylmError(
            f"the corpus is too small to hold out a {'validation' if train else 'training'} part: "
            f"it has {have} of distinct text; a language needs at least {MINIMUM_BYTES:,} bytes",
            "add text; mixing in the built-in corpus works too: `--corpus sample`",
        )
    return train, val


def _between(text: str, separator: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The parts of `text` between matches of `separator`, each with the gap before it."""
    gap, position = "", 0
    for match in separator.finditer(text):
        yield gap, text[position : match.start()]
        gap, position = match[0], match.end()
    yield gap, text[position:]


def _paragraphs(text: str, document: int) -> Iterator[_Unit]:
    """The paragraphs of a document, as the module's docstring defines them."""
    for gap, block in _between(text.strip("\n"), _BLANK_LINES):
        if "\n" not in block:
            if block.strip():
                yield _Unit(block, gap, document)
            continue
        group: list[str] = []
        for line in block.split("\n"):
            if len(line) >= LINE_PARAGRAPH:
                for paragraph in ("\n".join(group), line):
                    if paragraph.strip():
                        yield _Unit(paragraph, gap, document)
                        gap = "\n"
                group = []
            else:
                group.append(line)
        if paragraph := "\n".join(group).strip("\n"):
            yield _Unit(paragraph, gap, document)


def _parts(unit: _Unit, document: Document, sizes: dict[str, int]) -> Iterator[_Unit]:
    """The unit itself when a block of its language holds it, else its lines, sentences or runs of words."""
    limit = BLOCK_BYTES if document.split else sizes[document.language]
    pending = [(unit, 0)]
    while pending:
        part, level = pending.pop()
        if _size(part) <= limit:
            yield part
        elif level == len(_FINER):
            yield from _runs_of_words(part, limit)
        else:
            pieces = [(gap, text) for gap, text in _between(part.text, _FINER[level]) if text.strip()]
            finer = [
                (_Unit(text, gap if position else part.gap, unit.document), level + 1)
                for position, (gap, text) in enumerate(pieces)
            ]
            pending += reversed(finer)


def _runs_of_words(unit: _Unit, limit: int) -> Iterator[_Unit]:
    """A sentence without an end in sight, cut at spaces into runs of at most `limit` bytes (or one word)."""
    run, gap_before, filled = "", unit.gap, 0
    for gap, word in _between(unit.text, _SPACE):
        size = len((gap + word).encode())
        if run and filled + size > limit:
            yield _Unit(run, gap_before, unit.document)
            run, gap_before, filled = word, gap, len(word.encode())
        elif word:
            run, filled = (run + gap + word, filled + size) if run else (word, size)
    if run:
        yield _Unit(run, gap_before, unit.document)


def _deduplicate(units: Iterable[_Unit], dropped: Dropped) -> list[_Unit]:
    """The units without those that repeat an earlier one; the wider of the gaps around a dropped one stays."""
    seen: set[bytes] = set()
    kept: list[_Unit] = []
    missing: _Unit | None = None
    for unit in units:
        folded = " ".join(unit.text.casefold().split())
        if len(folded) >= DUPLICATE_CHARACTERS:
            key = hashlib.blake2b(folded.encode(), digest_size=16).digest()
            if key in seen:
                dropped.duplicate_paragraphs += 1
                dropped.duplicate_bytes += _size(unit)
                if missing is None or missing.document != unit.document or len(unit.gap) > len(missing.gap):
                    missing = unit
                continue
            seen.add(key)
        if missing is not None and missing.document == unit.document and len(missing.gap) > len(unit.gap):
            unit = replace(unit, gap=missing.gap)
        missing = None
        kept.append(unit)
    return kept


def _sides(
    units: Sequence[_Unit], corpus: Sequence[Document], sizes: dict[str, int], distinct: dict[str, int]
) -> list[Split]:
    """The side of every unit."""
    sides: list[Split] = [corpus[unit.document].split or "train" for unit in units]
    for language, size in sizes.items():
        blocks: list[list[int]] = []
        filled = size
        for index, unit in enumerate(units):
            document = corpus[unit.document]
            if document.language != language or document.split is not None:
                continue
            if filled + _size(unit) > size:
                blocks.append([])
                filled = 0
            blocks[-1].append(index)
            filled += _size(unit)
        held_out = blocks[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]
        if not held_out and len(blocks) > 1 and distinct[language] >= MINIMUM_BYTES:
            held_out = blocks[-1:]
        for index in (index for block in held_out for index in block):
            sides[index] = "val"
    return sides


def _pieces(
    units: Sequence[_Unit], sides: Sequence[Split], corpus: Sequence[Document]
) -> tuple[list[Piece], list[Piece]]:
    """Runs of units of the same document and side, joined by their gaps."""
    train: list[Piece] = []
    val: list[Piece] = []
    runs = [
        (key, [unit for _, unit in run])
        for key, run in groupby(zip(sides, units, strict=True), key=lambda pair: (pair[1].document, pair[0]))
    ]
    for position, ((index, side), run) in enumerate(runs):
        document = corpus[index]
        piece = Piece(
            run[0].text + "".join(unit.gap + unit.text for unit in run[1:]),
            document.language,
            document.source,
            start=position == 0 or runs[position - 1][0][0] != index,
            end=position == len(runs) - 1 or runs[position + 1][0][0] != index,
        )
        (train if side == "train" else val).append(piece)
    return train, val


def _size(unit: _Unit) -> int:
    return len(unit.text.encode())
