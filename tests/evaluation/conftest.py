"""Costs of made-up documents: what statistics are tested on, without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tinylm.evaluation.costs import Cost, DocumentCost
from tinylm.evaluation.documents import TextDocument

MakeCosts = Callable[..., list[DocumentCost]]


@pytest.fixture(scope="session")
def make_costs() -> MakeCosts:
    """`make_costs([(text bytes, nats), ...], language="en")`: a document each, of one block."""

    def make(sums: Sequence[tuple[int, float]], *, language: str = "en") -> list[DocumentCost]:
        return [
            DocumentCost(
                TextDocument(text=f"{place}", language=language, source="made up", ends=True),
                (Cost(text_bytes=size, tokens=max(size // 4, 1), nats=nats, unknown_bytes=0),),
            )
            for place, (size, nats) in enumerate(sums)
        ]

    return make
