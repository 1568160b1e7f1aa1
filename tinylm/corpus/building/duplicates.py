"""Finds what was there before: paragraphs with the same key, and documents that say nearly the same.

Equal keys are found exactly, in memory of one byte a key. Near-duplicates are told by MinHash signatures of the
documents' 5-word shingles: the share of equal values in two signatures estimates the Jaccard similarity of the two sets
(Broder 1997, "On the resemblance and containment of documents"). Signatures are cut into bands; only documents that
agree in a whole band are compared (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3.4).
Signatures come from `rensa`; they lie in a file, and memory holds about 4 bytes a band for each document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

GROUP_KEYS = 4_000_000
"""Keys that are sorted at once: about 100 MB."""
SHINGLE_WORDS = 5
SIGNATURE_VALUES = 128
"""The standard error of an estimated similarity of 0.8 is then 0.035."""
RECALL = 0.99
"""Probability that two documents exactly at the threshold are compared; above it more."""
_SEED = 1
_ROW_BYTES = 4 * SIGNATURE_VALUES
_ROWS_AT_ONCE = 50_000


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


def signature(text: str) -> Sequence[int]:
    """`SIGNATURE_VALUES` 32-bit values; case, punctuation at word edges and spacing make no difference."""
    from rensa import RMinHash  # only the extra `train` installs it, and only who looks for near-duplicates needs it

    words = [word.strip(".,;:!?…\"'“”‘’«»()[]—-¿¡") for word in text.casefold().split()]
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    made = RMinHash(SIGNATURE_VALUES, _SEED)
    made.update({" ".join(words[start : start + SHINGLE_WORDS]) for start in range(last)})
    return list(made.digest())


def rows_per_band(threshold: float) -> int:
    """The most values in a band at which pairs at the threshold are still compared with `RECALL`."""
    for rows in range(SIGNATURE_VALUES, 1, -1):
        if 1 - (1 - threshold**rows) ** (SIGNATURE_VALUES // rows) >= RECALL:
            return rows
    return 1


def near_duplicates(path: Path, threshold: float) -> NDArray[np.bool_]:
    """Which rows of the file of signatures repeat an earlier row that is kept, by `threshold` or more.

    The file holds rows of `SIGNATURE_VALUES` uint32, one for each document in the corpus's order.
    """
    if not path.stat().st_size:
        return np.zeros(0, np.bool_)
    before = _same_band_before(path, rows_per_band(threshold))
    rows = np.memmap(path, np.uint32, mode="r").reshape(-1, SIGNATURE_VALUES)
    repeated = np.zeros(len(rows), np.bool_)
    for document in np.flatnonzero((before >= 0).any(axis=1)).tolist():
        candidates: set[int] = set()
        for band, earlier in enumerate(before[document].tolist()):
            if earlier >= 0 and repeated[earlier]:
                # What that one points to was kept: the chains of all before it lead along kept ones only.
                earlier = before[document, band] = before[earlier, band]
            while earlier >= 0:
                candidates.add(earlier)
                earlier = int(before[earlier, band])
        chosen = rows[sorted(candidates)]
        repeated[document] = bool(len(chosen)) and float((chosen == rows[document]).mean(axis=1).max()) >= threshold
    return repeated


def _same_band_before(path: Path, width: int) -> NDArray[np.int32]:
    """For each document and band: the nearest document before it with the same values in the band, or -1."""
    bands = SIGNATURE_VALUES // width
    before = np.full((path.stat().st_size // _ROW_BYTES, bands), -1, np.int32)
    for band in range(bands):
        keys = _keys(path, band * width, width)
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
        before[order[same + 1], band] = order[same]
    return before


def _keys(path: Path, start: int, width: int) -> Keys:
    """64 bits of each row's values in one band; a rare clash costs one comparison."""
    keys: list[Keys] = []
    with path.open("rb") as file:
        while data := file.read(_ROWS_AT_ONCE * _ROW_BYTES):
            rows = np.frombuffer(data, np.uint32).reshape(-1, SIGNATURE_VALUES)
            mixed = np.zeros(len(rows), np.uint64)
            for column in range(start, start + width):
                mixed = (mixed ^ rows[:, column]) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, 6.4)
                mixed ^= mixed >> np.uint64(29)
            keys.append(mixed)
    return np.concatenate(keys)
