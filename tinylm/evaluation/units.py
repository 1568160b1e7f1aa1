"""What is drawn again in a bootstrap, and the groups of it that get figures of their own.

A unit is a document. Where a language has too few documents to draw from (a book is one), a unit is a block of about
4 KB of one. Which it is depends on the texts alone: two models always have the same units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinylm.evaluation.costs import Cost, DocumentCost

FEW_DOCUMENTS = 20.0
"""Documents of about equal size below which their blocks are drawn instead."""
LENGTH_EDGES = (128, 512, 2048)
"""Bytes at which a longer class of documents begins."""
LENGTHS = ("< 128 bytes", "128-511 bytes", "512-2047 bytes", ">= 2048 bytes")


@dataclass(frozen=True, slots=True)
class Unit:
    """A document or a block, and what it costs."""

    language: str
    length: str
    """The class of its document's length."""
    document: int
    is_block: bool
    """It is a part of its document."""
    cost: Cost


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the units with a name of its own."""

    kind: Literal["all", "language", "length"]
    name: str
    places: tuple[int, ...]
    """Which units of the list belong to it."""


def units_of(costs: Sequence[DocumentCost]) -> list[Unit]:
    """The units of the documents, in their order."""
    by_blocks = {
        language: _effective([c.whole.text_bytes for c in costs if c.document.language == language]) < FEW_DOCUMENTS
        for language in {cost.document.language for cost in costs}
    }
    units = []
    for number, cost in enumerate(costs):
        language, length = cost.document.language, length_class(cost.whole.text_bytes)
        parts = cost.blocks if by_blocks[language] else (cost.whole,)
        units += [Unit(language, length, number, len(parts) > 1, part) for part in parts]
    return units


def groups_of(units: Sequence[Unit]) -> list[Group]:
    """Everything, each language, each class of length that occurs; languages only when there are several."""
    languages = sorted({unit.language for unit in units})
    groups = [Group("all", "all", tuple(range(len(units))))]
    if len(languages) > 1:
        groups += [Group("language", name, _places(unit.language == name for unit in units)) for name in languages]
    groups += [Group("length", name, _places(unit.length == name for unit in units)) for name in LENGTHS]
    return [group for group in groups if group.places]


def length_class(text_bytes: int) -> str:
    """The name of the class that a document of so many bytes is in."""
    return LENGTHS[int(np.searchsorted(LENGTH_EDGES, text_bytes, side="right"))]


def table_of(units: Sequence[Unit]) -> NDArray[np.float64]:
    """Bits, nats, tokens and bytes of text, a row a unit: float64 [n, 4]."""
    return np.array([(u.cost.bits, u.cost.nats, u.cost.tokens, u.cost.text_bytes) for u in units], np.float64).reshape(
        -1, 4
    )


def _effective(sizes: Sequence[int]) -> float:
    """How many documents of equal size say as much as these: (sum of sizes)^2 / sum of squares (Kish, 1965)."""
    squares = sum(size**2 for size in sizes)
    return sum(sizes) ** 2 / squares if squares else 0.0


def _places(belongs: Iterator[bool]) -> tuple[int, ...]:
    return tuple(place for place, here in enumerate(belongs) if here)
