"""Documents to rows of the context's length, with hardly a slot left empty and no token lost.

A document of L tokens gives L - 1 predictions, and takes so many slots: its last token is only a target. Documents
that fit in a row stay whole and are packed by best-fit decreasing (https://arxiv.org/abs/2404.10830 trains on such
rows). Longer ones are cut, and where is free: they are poured, one behind the other, into the room that the short ones
left and then into rows of their own. A cut loses no prediction: the next stretch begins with the last target of the
former. So the number of rows is the same in each epoch, while order and cuts of the long documents differ.

    packing = Packing(starts, sizes, context_length=256)
    rows = packing.rows(np.random.default_rng(seed))
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SMALLEST_SHARE = 8
"""Room below an eighth of the context stays empty: a stretch of a long document there would have hardly any past."""


@dataclass(frozen=True)
class Rows:
    """What each row reads: stretches `first[r] <= i < first[r + 1]` of the token stream."""

    first: NDArray[np.int64]
    """(rows + 1,)"""
    start: NDArray[np.int64]
    """(stretches,) offset of the first token read; what it predicts begins one later."""
    length: NDArray[np.int32]
    """(stretches,) tokens read, and tokens predicted."""


def best_fit(sizes: NDArray[np.int32], capacity: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Best-fit decreasing: the largest first, each into the fullest bin with room for it.

    `sizes` (n,) from 1 to `capacity` -> the bin of each item (n,), and the room left in each bin. Items of a size are
    placed together, and bins of a room are kept together: a million documents take a fifth of a second.
    """
    bin_of = np.empty(len(sizes), np.int32)
    groups: dict[int, list[NDArray[np.int32]]] = {}  # bins by the room that each has left
    rooms: list[int] = []  # the keys, sorted
    count = 0

    def put(bins: NDArray[np.int32], room: int) -> None:
        if len(bins):
            if room not in groups:
                insort(rooms, room)
            groups.setdefault(room, []).append(bins)

    order = np.argsort(-sizes, kind="stable")
    values, counts = np.unique(-sizes, return_counts=True)
    for size, items in zip((-values).tolist(), np.split(order, counts.cumsum()[:-1]), strict=False):
        while len(items):
            at = bisect_left(rooms, size)
            if at < len(rooms):
                room = rooms[at]
                bins = groups[room].pop()
                if not groups[room]:
                    del groups[room], rooms[at]
            else:
                room = capacity
                bins = np.arange(count, count - (-len(items) // (capacity // size)), dtype=np.int32)
                count += len(bins)
            # Once an item is in, its bin is the fullest with room for the next one, as long as that fits.
            each = room // size
            full, extra = divmod(min(len(items), len(bins) * each), each)
            bin_of[items[: full * each]] = np.repeat(bins[:full], each)
            bin_of[items[full * each : full * each + extra]] = bins[full : full + 1]
            put(bins[:full], room - each * size)
            if extra:
                put(bins[full : full + 1], room - extra * size)
            put(bins[full + bool(extra) :], room)
            items = items[full * each + extra :]
    left = np.empty(count, np.int32)
    for room, found in groups.items():
        left[np.concatenate(found)] = room
    return bin_of, left


class Packing:
    """Rows of documents given by the offset of their first token and the number of their predictions."""

    def __init__(self, starts: NDArray[np.int64], sizes: NDArray[np.int64], *, context_length: int) -> None:
        """`starts` and `sizes` (n,); a document without predictions takes no room."""
        self._context = context_length
        long, short = sizes > context_length, (sizes > 0) & (sizes <= context_length)
        self._long_starts, self._long_sizes = starts[long], sizes[long]
        self._short_starts, self._short_sizes = starts[short], sizes[short].astype(np.int32)
        self._short_rows, room = best_fit(self._short_sizes, context_length)
        # The largest rooms first, so that few cuts take what there is to pour.
        holes = np.argsort(-room, kind="stable")
        holes = holes[room[holes] >= max(1, context_length // _SMALLEST_SHARE)]
        to_pour = int(self._long_sizes.sum())
        fresh = -(-max(0, to_pour - int(room[holes].sum())) // context_length)
        self.count = len(room) + fresh
        """Rows of an epoch."""
        self._containers = np.concatenate([holes, np.arange(len(room), self.count)])
        capacities = np.concatenate([room[holes].astype(np.int64), np.full(fresh, context_length, np.int64)])
        self._container_ends = np.minimum(capacities.cumsum(), to_pour)
        self.predictions = int(self._short_sizes.sum(dtype=np.int64)) + to_pour

    @property
    def utilisation(self) -> float:
        """Share of all slots that are read and predict a token."""
        return self.predictions / max(self.count * self._context, 1)

    def rows(self, generator: np.random.Generator) -> Rows:
        """The rows of one epoch; the generator decides order and cuts of the long documents."""
        start, length, row = self._short_starts, self._short_sizes, self._short_rows
        if len(self._long_sizes):
            poured = self._pour(generator)
            start = np.concatenate([start, poured[0]])
            length = np.concatenate([length, poured[1]])
            row = np.concatenate([row, poured[2]])
        order = np.argsort(row, kind="stable")
        first = np.searchsorted(row[order], np.arange(self.count + 1))
        return Rows(first, start[order], length[order])

    def _pour(self, generator: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """Stretches of the long documents: start, length and row of each."""
        order = generator.permutation(len(self._long_sizes))
        starts, sizes = self._long_starts[order], self._long_sizes[order]
        # The first document is begun inside and its head comes last, so that even a single one is cut elsewhere.
        head = int(generator.integers(self._context))
        if head:
            starts = np.concatenate([[starts[0] + head], starts[1:], starts[:1]])
            sizes = np.concatenate([[sizes[0] - head], sizes[1:], [head]])
        document_ends = sizes.cumsum()
        ends = np.union1d(document_ends, self._container_ends)
        begins = np.concatenate([[0], ends[:-1]])
        document = np.searchsorted(document_ends, begins, side="right")
        container = np.searchsorted(self._container_ends, begins, side="right")
        inside = begins - (document_ends - sizes)[document]
        return (
            starts[document] + inside,
            (ends - begins).astype(np.int32),
            self._containers[container].astype(np.int32),
        )


def padding_utilisation(sizes: NDArray[np.int64], *, context_length: int) -> float:
    """The same share when each document has rows of its own, the last one padded."""
    rows = int((-(-sizes // context_length)).sum())
    return int(sizes.sum()) / max(rows * context_length, 1)
