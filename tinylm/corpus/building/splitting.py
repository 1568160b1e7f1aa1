"""Deduplicates documents and divides them into training and validation text that have nothing in common.

The order matters: windows that overlap, or a paragraph that stands in two books, would let a model be graded on what
it has read. So, over the whole corpus and in this order:

1. Documents are cut into paragraphs: what stands between blank lines; a fence of code with its blank lines is one. A
   line of `LINE_PARAGRAPH` characters is one by itself: files with a paragraph on each line have no blank lines.
2. A paragraph of at least `DUPLICATE_CHARACTERS` that occurred before, whatever its case and spacing, is dropped.
   Shorter ones stay: "Yes." and "CHAPTER I" rightly stand in many places.
3. Per language, paragraphs in order fill blocks of about 4 KB, and every tenth block is validation. Less than 80 KB
   of a language makes smaller blocks, a twentieth of it each (at least 200 bytes), and with fewer than ten blocks
   the last one is validation. A paragraph longer than a block is cut into lines where each is a whole sentence, else
   into runs of lines; lines into sentences, sentences into words, words of a script without spaces into phrases, as
   far as needed. What was cut is deduplicated once more, by the same rule. So each line is a paragraph in a file that
   has a sentence on each. A line of a song, a litany, a table or a program is none: refrains stay, and several lines
   go only where `DUPLICATE_LINES_BYTES` repeat, or where hardly a line is no copy.

Documents that name their side keep it and take no part in the blocks, but in deduplication they do. Each section of a
document that is too long for one (`tinylm.corpus.cleaning.sections`) is cut by itself. A language with under
`MINIMUM_BYTES` of distinct text trains only; a corpus that leaves no validation text is an error.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.base.files import writing
from tinylm.base.progress import track
from tinylm.corpus.building.duplicates import first_occurrences, near_duplicates
from tinylm.corpus.building.parallel import Workers
from tinylm.corpus.building.parts import (
    BLOCK_BYTES,
    DROPPED,
    SIDES,
    PartPlan,
    UnitFigures,
    cut_part,
    load_figures,
    load_units,
)
from tinylm.corpus.statistics import Dropped
from tinylm.text.documents import UNDETERMINED

SPLITTING = "blocks-4"
"""Name of the rules above; it changes whenever their result does."""
SMALLEST_BLOCK_BYTES = 200
BLOCKS_WANTED = 20
"""Blocks that a language should have at least, so that every tenth makes two."""
VALIDATION_EVERY = 10
MINIMUM_BYTES = 500
"""UTF-8 bytes of distinct text in a language below which holding a part out would mean nothing."""

TRAIN, VAL = range(len(SIDES))


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What becomes of a corpus's parts."""

    parts: list[PartPlan]
    block_bytes: dict[str, int]
    """Of each language."""


def plan_split(
    parts: Sequence[Path],
    workers: Workers,
    *,
    near_duplicate_threshold: float | None,
    dropped: Dropped,
    say: Callable[[str], None] | None = None,
) -> SplitPlan:
    """Decide what of the cleaned `parts` is dropped and what is held out, by the rules above.

    `dropped` is told the duplicates and the documents that had nothing to give. TinylmError when one of the two sides
    would be empty, with the distinct bytes of each language and the minimum.
    """
    kept = _distinct_paragraphs(parts, near_duplicate_threshold, dropped)
    block_bytes: dict[str, int] = {}
    stale = list(range(len(parts)))
    while True:  # smaller blocks can show new duplicates, and those leave less text: sizes only fall, so this ends
        tasks = ((parts[index], kept[index], block_bytes) for index in stale)
        for _ in track(workers.map(cut_part, tasks), "splitting", total=len(stale), unit="parts", say=say):
            pass
        units = _DistinctUnits.of(parts)
        smaller = {
            language: min(
                block_bytes.get(language, BLOCK_BYTES), max(SMALLEST_BLOCK_BYTES, units.free[language] // BLOCKS_WANTED)
            )
            for language in units.free
        }
        changed = {language for language, size in smaller.items() if size != block_bytes.get(language, BLOCK_BYTES)}
        block_bytes = smaller
        if not changed:
            break
        stale = [index for index, part in enumerate(parts) if changed & {*load_units(part).language.tolist()}]
    dropped.duplicate_paragraphs += units.repeated
    dropped.duplicate_bytes += units.repeated_bytes
    sides = _sides(parts, units, block_bytes)
    missing = [side for side in (TRAIN, VAL) if not any((of_part == side).any() for of_part in sides)]
    if missing:
        raise _too_small(units, missing="training" if TRAIN in missing else "validation")
    plans, with_text, documents = _across_parts(parts, kept, sides)
    dropped.empty_documents += documents - with_text - dropped.near_duplicate_documents
    return SplitPlan(plans, block_bytes)


def _too_small(units: _DistinctUnits, *, missing: str) -> TinylmError:
    names = {name: "no stated language" if name == UNDETERMINED else f"`{name}`" for name in sorted(units.languages)}
    have = ", ".join(f"{units.free[name]:,} bytes of {words}" for name, words in names.items()) or "none"
    if sum(int(first.sum()) for first in units.first) == 1 and units.free.total() >= MINIMUM_BYTES:
        return TinylmError(
            f"the corpus is one word: {have}, without a space or a line end, and words are not divided",
            "look at the file: text has words",
        )
    return TinylmError(
        f"the corpus is too small to hold out a {missing} part; distinct text: {have}; "
        f"a language needs at least {MINIMUM_BYTES:,} bytes",
        "add text; mixing in the built-in corpus works too: `--corpus sample`",
    )


def _distinct_paragraphs(
    parts: Sequence[Path], near_duplicate_threshold: float | None, dropped: Dropped
) -> list[NDArray[np.bool_]]:
    """For each part: which of its paragraphs stay."""
    unique = [np.ones(len(load_figures(part).key), np.bool_) for part in parts]
    if near_duplicate_threshold is not None:
        unique = _without_near_duplicates(parts, near_duplicate_threshold, dropped)

    def keys() -> Iterator[NDArray[np.uint64]]:
        for part, stays in zip(parts, unique, strict=True):
            yield np.where(stays, load_figures(part).key, np.uint64(0))

    first = first_occurrences(keys, sum(map(len, unique)))
    kept, offset = [], 0
    for part, stays in zip(parts, unique, strict=True):
        of_part = first[offset : offset + len(stays)]
        offset += len(stays)
        repeated = load_figures(part).size[~of_part]
        dropped.duplicate_paragraphs += len(repeated)
        dropped.duplicate_bytes += int(repeated.sum())
        kept.append(of_part & stays)
    return kept


def _without_near_duplicates(parts: Sequence[Path], threshold: float, dropped: Dropped) -> list[NDArray[np.bool_]]:
    """For each part: which of its paragraphs are in documents that stay."""
    path = parts[0].with_name("signatures")
    with writing(path) as file:
        row: NDArray[np.uint32] | None = None
        for part in parts:
            figures = load_figures(part)
            for signature, continues in zip(figures.signatures, figures.continues, strict=True):
                if row is not None and not continues:
                    file.write(row.tobytes())
                # the smallest of each value is the signature of both together
                row = np.minimum(row, signature) if row is not None and continues else signature
        if row is not None:
            file.write(row.tobytes())
    repeated = near_duplicates(path, threshold)
    dropped.near_duplicate_documents += int(repeated.sum())
    stays, document = [], -1
    for part in parts:
        figures = load_figures(part)
        documents = document + np.cumsum(~figures.continues)
        document = int(documents[-1])
        out = repeated[documents][figures.section]
        dropped.near_duplicate_bytes += int(figures.size[out].sum())
        stays.append(~out)
    return stays


@dataclass(slots=True)
class _DistinctUnits:
    """The units of all parts, and which are the first of their kind."""

    first: list[NDArray[np.bool_]]
    """For each part and unit."""
    free: Counter[str] = field(default_factory=Counter)
    """Distinct bytes of each language in documents that do not name their side."""
    languages: set[str] = field(default_factory=set)
    repeated: int = 0
    repeated_bytes: int = 0

    @classmethod
    def of(cls, parts: Sequence[Path]) -> _DistinctUnits:
        lengths = [len(load_units(part).key) for part in parts]
        all_first = first_occurrences(lambda: (load_units(part).key for part in parts), sum(lengths))
        self = cls(np.split(all_first, np.cumsum(lengths)[:-1]))
        for part, first in zip(parts, self.first, strict=True):
            units = load_units(part)
            self.repeated += int((~first).sum())
            self.repeated_bytes += int(units.size[~first].sum())
            self.languages |= {*units.language.tolist()}
            for language in {*units.language[units.split == ""].tolist()}:
                sections = (units.language == language) & (units.split == "")
                self.free[language] += int(units.size[first & sections[units.section]].sum())
        return self


def _sides(parts: Sequence[Path], units: _DistinctUnits, block_bytes: Mapping[str, int]) -> list[NDArray[np.int8]]:
    """The side of every unit of every part."""
    sides = [np.full(len(first), DROPPED, np.int8) for first in units.first]
    blocks = Counter[str]()
    filled: dict[str, int] = {}
    last: dict[str, list[tuple[int, int]]] = defaultdict(list)  # part and unit of what is in a language's last block
    for index, (part, first) in enumerate(zip(parts, units.first, strict=True)):
        figures = load_units(part)
        languages, named = figures.language.tolist(), figures.split.tolist()
        of_part = sides[index]
        of_unit = figures.section.tolist()
        bytes_of_unit = figures.size.tolist()
        for unit in np.flatnonzero(first).tolist():
            section, size = of_unit[unit], bytes_of_unit[unit]
            if named[section]:
                of_part[unit] = SIDES.index(named[section])
                continue
            language = languages[section]
            if not blocks[language] or filled[language] + size > block_bytes[language]:
                blocks[language] += 1
                filled[language] = 0
                last[language] = []
            filled[language] += size
            last[language].append((index, unit))
            of_part[unit] = VAL if blocks[language] % VALIDATION_EVERY == 0 else TRAIN
    for language, count in blocks.items():
        if 1 < count < VALIDATION_EVERY and units.free[language] >= MINIMUM_BYTES:
            for index, unit in last[language]:
                sides[index][unit] = VAL
    return sides


def _across_parts(
    parts: Sequence[Path], kept: Sequence[NDArray[np.bool_]], sides: Sequence[NDArray[np.int8]]
) -> tuple[list[PartPlan], int, int]:
    """The plans of the parts, how many documents have text left, and how many documents there are."""
    plans: list[PartPlan] = []
    opened: set[int] = set()
    with_text = documents = 0
    waiting: list[int] = []  # parts whose last document may have pieces in the next ones
    for index, (part, of_part, keeps) in enumerate(zip(parts, sides, kept, strict=True)):
        figures = load_units(part)
        begins = frozenset(opened) if figures.continues[:1].any() else frozenset[int]()
        for section, of_section in _by_section(figures, of_part):
            if not figures.continues[section]:
                documents += 1
                opened, waiting = set(), []
            if of_section:
                with_text += not opened
                opened |= of_section
                for earlier in waiting:
                    plans[earlier] = replace(plans[earlier], goes_on=True)
                waiting = []
        plans.append(PartPlan(keeps, of_part, begins, goes_on=False))
        waiting.append(index)
    return plans, with_text, documents


def _by_section(figures: UnitFigures, sides: NDArray[np.int8]) -> Iterator[tuple[int, set[int]]]:
    """Each section of a part with the sides that its units stand on."""
    on = np.zeros((len(figures.continues), len(SIDES)), np.bool_)
    for side in range(len(SIDES)):
        on[figures.section[sides == side], side] = True
    for section, row in enumerate(on.tolist()):
        yield section, {side for side, stands in enumerate(row) if stands}
