"""Which documents an epoch shows, and how often: a weight for each source.

    weights = parse_weights(["es:novels=2"], sources=["en:novels", "es:novels"])
    shown = Selection(documents, weights).epoch(generator)

Weights change what training sees, never a dataset's text: they stand in the run's configuration. A weight belongs to
the name of a source, `novels`, or to its text of one language, `es:novels`, which comes first. Weight 2 shows each
document of a source twice an epoch, 0.5 a random half of them, 1.5 all once and half of them twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.base.records import nearest
from tinylm.corpus.reading.source_names import display_name
from tinylm.dataset.shards import Documents
from tinylm.settings.run import LARGEST_WEIGHT


def parse_weights(values: Sequence[str], sources: Sequence[str]) -> dict[str, float]:
    """The weight of each source that `SOURCE=NUMBER` names: as `--corpus` has it, or by its name in records.

    The keys are names as records have them, `es:novels` for `es:some/folder/novels`. TinylmError for anything that is
    not such a pair, a source that is not in `sources`, one that is named twice or is one of two of the same name, and a
    number that is not above 0 and at most `LARGEST_WEIGHT`.
    """
    names = [display_name(source) for source in sources]
    weights: dict[str, float] = {}
    for value in values:
        source, equals, number = value.rpartition("=")
        if not equals or not source:
            raise TinylmError(f"--weight is `{value}`; SOURCE=NUMBER is needed", f"such as `--weight {names[0]}=2`")
        name = source if source in names else next((n for n, s in zip(names, sources, strict=True) if s == source), "")
        if not name:
            raise TinylmError(f"--weight names `{source}`, which is no source of the corpus", nearest(source, names))
        if names.count(name) > 1:
            raise TinylmError(
                f"--weight names `{name}`, and {names.count(name)} sources are called so", "rename one of the folders"
            )
        if name in weights:
            raise TinylmError(f"--weight names the source `{name}` twice", "give it one weight")
        weights[name] = _number(number, name)
    return weights


class Selection:
    """The documents of each epoch, as indices into the documents table."""

    def __init__(self, documents: Documents, weights: Mapping[str, float]) -> None:
        """A source without a weight has 1. TinylmError for an unknown source."""
        names = {name for source in documents.sources for name in (source.name, f"{source.language}:{source.name}")}
        for name in weights:
            if name not in names:
                raise TinylmError(f"there is a weight for the source `{name}`, but no such text", nearest(name, names))
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


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= LARGEST_WEIGHT:
        raise TinylmError(
            f"the weight of `{name}` is `{text}`; a number above 0 and at most {LARGEST_WEIGHT:g} is needed",
            "leave a source out of --corpus to train without it",
        )
    return number
