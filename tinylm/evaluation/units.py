"""What is drawn again in a bootstrap, and the groups of it that get figures of their own.

A unit is a document. Where a language has too few documents to draw from (a book is one), a unit is a stretch of one:
as long as leaves 20 of them: a book changes from chapter to chapter, and the independence that the bootstrap assumes
comes with length. Which it is depends on the texts alone: two models always have the same units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinylm.evaluation.costs import Cost, DocumentCost

FEW = 20
"""Documents of about equal size below which stretches of them are drawn instead, and how many of those are wanted."""
LONGEST_STRETCH_BYTES = 16_384
LENGTH_EDGES = (128, 512, 2048)
"""Bytes at which a longer class of documents begins."""
LENGTHS = ("< 128 bytes", "128-511 bytes", "512-2047 bytes", ">= 2048 bytes")


@dataclass(frozen=True, slots=True)
class Unit:
    """A document or a stretch of one, and what it costs."""

    language: str
    length: str
    """The class of its document's length."""
    document: int
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
    stretch_bytes = {
        language: _stretch_bytes([c.whole.text_bytes for c in costs if c.document.language == language])
        for language in {cost.document.language for cost in costs}
    }
    units = []
    for number, cost in enumerate(costs):
        language, length = cost.document.language, length_class(cost.whole.text_bytes)
        stretches = max(1, round(cost.whole.text_bytes / stretch_bytes[language]))
        units += [Unit(language, length, number, part) for part in cost.stretches(stretches)]
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


def _stretch_bytes(sizes: Sequence[int]) -> float:
    """How long a unit may be in documents of these sizes; infinite when there are enough documents.

    (Sum of sizes)^2 / sum of squares documents of equal size would say as much as these (Kish, Survey Sampling, 1965).
    """
    total = sum(sizes)
    if total**2 >= FEW * sum(size**2 for size in sizes):
        return math.inf
    return min(total / FEW, LONGEST_STRETCH_BYTES)


def _places(belongs: Iterator[bool]) -> tuple[int, ...]:
    return tuple(place for place, here in enumerate(belongs) if here)
