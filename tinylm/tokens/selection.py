"""Which documents an epoch shows, and how often: a weight for each source.

Weight 2 shows each document of a source twice an epoch, 0.5 a random half of them, 1.5 all once and half of them twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tinylm.errors import TinylmError
from tinylm.records import nearest
from tinylm.tokens.shards import Documents


class Selection:
    """The documents of each epoch, as indices into the documents table."""

    def __init__(self, documents: Documents, weights: Mapping[str, float]) -> None:
        """A source without a weight has 1. TinylmError for an unknown source or an impossible weight."""
        names = {source.name for source in documents.sources}
        for name, weight in weights.items():
            if name not in names:
                raise TinylmError(f"there is a weight for the source `{name}`, but no such text", nearest(name, names))
            if not 0 <= weight < math.inf:
                raise TinylmError(f"the weight of the source `{name}` is {weight}", "0 or more is needed")
        self._count = len(documents.start)
        self._by_name: list[tuple[float, NDArray[np.int64]]] = []
        if weights:
            for name in sorted(names):
                ids = [i for i, source in enumerate(documents.sources) if source.name == name]
                self._by_name.append((weights.get(name, 1.0), np.flatnonzero(np.isin(documents.source, ids))))
        self.varies = any(weight % 1 for weight, _ in self._by_name)
        """Some source shows other documents in each epoch."""

    def epoch(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """Sorted indices of the documents to show, repeated where a document is shown more than once."""
        if not self._by_name:
            return np.arange(self._count)
        chosen = []
        for weight, documents in self._by_name:
            share, times = math.modf(weight)
            chosen.append(np.repeat(documents, int(times)))
            part = round(share * len(documents))
            chosen.append(generator.choice(documents, part, replace=False))
        return np.sort(np.concatenate(chosen))
