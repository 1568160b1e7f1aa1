"""Which documents an epoch shows, and how often: a weight for each source.

A weight belongs to the name of a source, `novels`, or to its text of one language, `es:novels`, which comes first.
Weight 2 shows each document of a source twice an epoch, 0.5 a random half of them, 1.5 all once and half of them twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.base.records import nearest
from tinylm.dataset.shards import Documents


class Selection:
    """The documents of each epoch, as indices into the documents table."""

    def __init__(self, documents: Documents, weights: Mapping[str, float]) -> None:
        """A source without a weight has 1. TinylmError for an unknown source or an impossible weight."""
        names = {name for source in documents.sources for name in (source.name, f"{source.language}:{source.name}")}
        for name, weight in weights.items():
            if name not in names:
                raise TinylmError(f"there is a weight for the source `{name}`, but no such text", nearest(name, names))
            if not 0 <= weight < math.inf:
                raise TinylmError(f"the weight of the source `{name}` is {weight}", "0 or more is needed")
        self._count = len(documents.start)
        self._by_source: list[tuple[float, NDArray[np.int64]]] = []
        if weights:
            for i, source in enumerate(documents.sources):
                weight = weights.get(f"{source.language}:{source.name}", weights.get(source.name, 1.0))
                self._by_source.append((weight, np.flatnonzero(documents.source == i)))
        self.varies = any(weight % 1 for weight, _ in self._by_source)
        """Some source shows other documents in each epoch."""

    def epoch(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """Sorted indices of the documents to show, repeated where a document is shown more than once."""
        if not self._by_source:
            return np.arange(self._count)
        chosen = []
        for weight, documents in self._by_source:
            share, times = math.modf(weight)
            chosen.append(np.repeat(documents, int(times)))
            # Rounded by chance, so that half of a single document is every other epoch.
            part = int(share * len(documents) + generator.random())
            chosen.append(generator.choice(documents, part, replace=False))
        return np.sort(np.concatenate(chosen))
