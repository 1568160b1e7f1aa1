"""Which of very many 64-bit keys came before: exact, in memory that grows with their number by one byte a key only."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

GROUP_KEYS = 4_000_000
"""Keys that are sorted at once: about 100 MB."""


def first_occurrences(blocks: Callable[[], Iterable[Keys]], count: int) -> NDArray[np.bool_]:
    """For each of `count` keys, given by `blocks()` in order: is it the first of its value?

    The key 0 is never a repetition. `blocks` is called once for each group of keys, which are those in one range of
    values: good hashes fill all ranges evenly.
    """
    first = np.ones(count, np.bool_)
    groups = -(-count // GROUP_KEYS)
    for group in range(groups):
        lowest, highest = (group << 64) // groups, ((group + 1 << 64) // groups) - 1
        found: list[Keys] = []
        places: list[NDArray[np.int64]] = []
        offset = 0
        for keys in blocks():
            inside = np.flatnonzero((keys >= np.uint64(max(lowest, 1))) & (keys <= np.uint64(highest)))
            found.append(keys[inside])
            places.append(inside + offset)
            offset += len(keys)
        values, indices = np.concatenate(found), np.concatenate(places)
        order = np.argsort(values, kind="stable")
        repeated = np.flatnonzero(values[order[1:]] == values[order[:-1]]) + 1
        first[indices[order[repeated]]] = False
    return first
