"""What is done with one part of a corpus, in a process of its own; parts are files of a few MB, in the corpus's order.

    clean_part    raw documents -> `PART.jsonl`, a section with its paragraphs a line, and their figures, `PART.npz`
    cut_part      paragraphs that are kept -> `PART.units.npz`, the figures of the units that blocks are made of
    render_part   units and their sides -> the lines of `train.jsonl` and `val.jsonl`, with what they hold counted

Only figures go through the process that leads: it decides what is dropped and what is held out without seeing a text.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinylm.base.files import write_atomic, writing
from tinylm.corpus.building.duplicates import signature
from tinylm.corpus.cleaning.cleaning import clean
from tinylm.corpus.cleaning.paragraphs import Unit, duplicate_key, paragraphs, parts, unit_key, without
from tinylm.corpus.statistics import CorpusStatistics
from tinylm.text.documents import Document, Piece, Split
from tinylm.tokenizer.tokenizer import normalise

BLOCK_BYTES = 4096
"""UTF-8 bytes of a block, at most, unless one word is longer."""
SIDES: tuple[Split, Split] = ("train", "val")
DROPPED = -1
"""The side of a unit that is left out; others are indices of `SIDES`."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
"""What `normalise` removes; \\r and U+0085 become line ends there."""


class PartFigures(NamedTuple):
    """`PART.npz`: what is known of the paragraphs of a part."""

    key: NDArray[np.uint64]
    """Of each paragraph: its `duplicate_key`."""
    size: NDArray[np.uint32]
    """Of each paragraph: UTF-8 bytes."""
    section: NDArray[np.uint32]
    """Of each paragraph: index of its section in the part."""
    continues: NDArray[np.bool_]
    """Of each section: whether it goes on the document before."""
    removed: NDArray[np.int64]
    """Control characters that were removed, and replacement characters that were found."""
    signatures: NDArray[np.uint32]
    """Of each section: its MinHash signature; no columns when near-duplicates are not looked for."""


class UnitFigures(NamedTuple):
    """`PART.units.npz`: what is known of the units of a part."""

    key: NDArray[np.uint64]
    size: NDArray[np.uint32]
    section: NDArray[np.uint32]
    language: NDArray[np.str_]
    """Of each section."""
    split: NDArray[np.str_]
    """Of each section: the side that its document names, or an empty string."""
    continues: NDArray[np.bool_]
    """Of each section."""


class Section(NamedTuple):
    """A document, or a section of a long one, as paragraphs."""

    language: str
    source: str
    split: Split | None
    continues: bool
    paragraphs: Sequence[Unit]


def clean_part(documents: Sequence[Document], path: Path, signatures: bool) -> None:
    """Normalise and clean raw documents and store them as the part `path`; `signatures` for near-duplicates."""
    cleaned = []
    controls = replacements = 0
    for document in documents:
        normal = normalise(document.text)
        controls += len(_CONTROLS.findall(document.text))
        replacements += normal.count("\ufffd")
        cleaned.append(replace(document, text=clean(normal)))
    store_part(cleaned, path, signatures=signatures, removed=(controls, replacements))


def store_part(
    documents: Sequence[Document], path: Path, *, signatures: bool = False, removed: tuple[int, int] = (0, 0)
) -> None:
    """Write cleaned documents as the part `path`: the figures first, so that a part whose text is there is whole."""
    sections = [
        Section(document.language, document.source, document.split, document.continues, [*paragraphs(document.text)])
        for document in documents
    ]
    units = [unit for section in sections for unit in section.paragraphs]
    signed = [signature(document.text) for document in documents] if signatures else [()] * len(documents)
    figures = PartFigures(
        key=np.array([duplicate_key(unit.text) for unit in units], np.uint64),
        size=np.array([unit.size for unit in units], np.uint32),
        section=np.repeat(np.arange(len(sections), dtype=np.uint32), [len(section.paragraphs) for section in sections]),
        continues=np.array([section.continues for section in sections], np.bool_),
        removed=np.array(removed, np.int64),
        signatures=np.array(signed, np.uint32),
    )
    _save(path.with_suffix(".npz"), figures)
    with writing(path) as file:
        for section in sections:
            file.write(json.dumps(section, ensure_ascii=False).encode() + b"\n")


def cut_part(path: Path, kept: NDArray[np.bool_], block_bytes: Mapping[str, int]) -> None:
    """Write the figures of the units of a part: its `kept` paragraphs, cut to the blocks of their languages."""
    sections = [*_kept_sections(path, kept)]
    units = [[*_units(section, block_bytes)] for section in sections]
    flat = [unit for part in units for unit in part]
    figures = UnitFigures(
        key=np.array([unit_key(unit) for unit in flat], np.uint64),
        size=np.array([unit.size for unit in flat], np.uint32),
        section=np.repeat(np.arange(len(sections), dtype=np.uint32), [len(part) for part in units]),
        language=np.array([section.language for section in sections], np.str_),
        split=np.array([section.split or "" for section in sections], np.str_),
        continues=np.array([section.continues for section in sections], np.bool_),
    )
    _save(path.with_suffix(".units.npz"), figures)


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What becomes of a part."""

    kept: NDArray[np.bool_]
    """Of each paragraph."""
    sides: NDArray[np.int8]
    """Of each unit: an index of `SIDES`, or `DROPPED`."""
    opened: frozenset[int]
    """Sides that the document which goes on in this part has pieces on already."""
    goes_on: bool
    """The last document has pieces in a later part."""


def render_part(
    path: Path, plan: PartPlan, block_bytes: Mapping[str, int]
) -> tuple[dict[Split, bytes], CorpusStatistics]:
    """The part's lines of `train.jsonl` and `val.jsonl`, and what they hold."""
    lines: dict[Split, list[str]] = {side: [] for side in SIDES}
    statistics = CorpusStatistics()
    sections = [*_kept_sections(path, plan.kept)]
    runs: list[tuple[int, int, Section, list[Unit]]] = []  # document in the part, side, section, units
    document = position = 0
    for index, section in enumerate(sections):
        document += index > 0 and not section.continues
        units = [*_units(section, block_bytes)]
        sides = plan.sides[position : position + len(units)].tolist()
        position += len(units)
        staying = without(units, [side != DROPPED for side in sides])
        pairs = zip(staying, [side for side in sides if side != DROPPED], strict=True)
        for side, group in groupby(pairs, key=lambda pair: pair[1]):
            runs.append((document, side, section, [unit for unit, _ in group]))
    seen = {0: set(plan.opened)}
    for number, (index, side, section, run) in enumerate(runs):
        before = seen.setdefault(index, set())
        piece = Piece(
            run[0].text + "".join(unit.gap + unit.text for unit in run[1:]),
            section.language,
            section.source,
            start=not before,
            end=not (plan.goes_on and index == document) if number == len(runs) - 1 else runs[number + 1][0] != index,
        )
        lines[SIDES[side]].append(json.dumps(asdict(piece), ensure_ascii=False) + "\n")
        statistics.add(piece, SIDES[side], new_document=side not in before)
        before.add(side)
    return {side: "".join(of_side).encode() for side, of_side in lines.items()}, statistics


def load_figures(path: Path) -> PartFigures:
    """The `PART.npz` of the part `path`."""
    with np.load(path.with_suffix(".npz")) as arrays:
        return PartFigures(**arrays)


def load_units(path: Path) -> UnitFigures:
    """The `PART.units.npz` of the part `path`."""
    with np.load(path.with_suffix(".units.npz")) as arrays:
        return UnitFigures(**arrays)


def _kept_sections(path: Path, kept: NDArray[np.bool_]) -> Iterator[Section]:
    position = 0
    with path.open("rb") as file:
        for line in file:
            section = Section(*json.loads(line))
            keep = kept[position : position + len(section.paragraphs)].tolist()
            position += len(keep)
            stored = (Unit(*unit) for unit in section.paragraphs)
            yield section._replace(paragraphs=[*without(stored, keep)])


def _units(section: Section, block_bytes: Mapping[str, int]) -> Iterable[Unit]:
    limit = BLOCK_BYTES if section.split else block_bytes.get(section.language, BLOCK_BYTES)
    return (part for paragraph in section.paragraphs for part in parts(paragraph, limit))


def _save(path: Path, figures: PartFigures | UnitFigures) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **figures._asdict())
    write_atomic(path, buffer.getvalue())
