"""Batches whose content is a function of (seed, step) alone, so that resuming never changes the order of data.

    with Batches(tokens, documents, context_length=256, batch_size=8, seed=0) as batches:
        batch = batches.batch(step)

With documents, rows are packed of whole documents and of stretches of long ones (see `packing`), and `Batch.documents`
keeps them apart. Without, rows are windows at stride = context length over the stream, wherever documents end. Either
way an epoch's order and cuts are drawn from (seed, epoch), and a batch may span two epochs. A packed epoch predicts
every token once; an epoch of windows leaves out less than a window at each end.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.dataset.packing import Packing, Rows, padding_utilisation
from tinylm.dataset.selection import Selection
from tinylm.dataset.shards import Documents, Tokens, drop_pages
from tinylm.tokenizer.tokenizer import BOS, PAD

NOT_PREDICTED = -100
"""Marks a target that the loss passes over."""
PADDING = -1
"""The document number of slots that hold nothing."""


@dataclass(frozen=True)
class Batch:
    """Rows to train on: `inputs[b, t]` is read, `targets[b, t]` is to be predicted there."""

    inputs: NDArray[np.int64]
    """(B, T) token ids."""
    targets: NDArray[np.int64]
    """(B, T) token ids, or NOT_PREDICTED: padding, and BOS, where reading starts and nobody has to guess it."""
    documents: NDArray[np.int32]
    """(B, T) number of the document inside its row, from 0 up, in which attention stays; PADDING behind the last."""

    def __getitem__(self, key: Any) -> Batch:
        """Some of the rows, or the beginnings of some: `batch[:2]`, `batch[:2, :64]`."""
        return Batch(self.inputs[key], self.targets[key], self.documents[key])

    @property
    def predicted(self) -> int:
        """Tokens to predict."""
        return int((self.targets != NOT_PREDICTED).sum())


def targets_of(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Targets as the loss wants them: BOS is not predicted."""
    return np.where(ids == BOS, NOT_PREDICTED, ids)


class _Windows:
    """Windows at stride = context length, from an offset that the generator draws."""

    varies = False
    """Epochs differ in their number of rows."""

    def __init__(self, tokens: int, *, context_length: int) -> None:
        # Any offset below the context leaves room for this many windows and the last one's final target.
        self._count, self._context = (tokens - context_length) // context_length, context_length

    def count(self, epoch: int) -> int:
        """Rows of an epoch."""
        return self._count

    def rows(self, epoch: int, generator: np.random.Generator) -> Rows:
        start = generator.integers(self._context) + self._context * np.arange(self._count)
        return Rows(np.arange(self._count + 1), start, np.full(self._count, self._context, np.int32))


class _PackedDocuments:
    """Rows packed of the documents that the selection shows."""

    def __init__(
        self, documents: Documents, tokens: int, *, context_length: int, seed: int, weights: Mapping[str, float]
    ) -> None:
        self._starts = documents.start.astype(np.int64)
        self.sizes = np.diff(self._starts, append=tokens) - 1
        self._context, self._seed = context_length, seed
        self._selection = Selection(documents, weights)
        self.varies = self._selection.varies
        self._epoch, self._packing = 0, self._pack(0)

    def packing(self, epoch: int) -> Packing:
        if self.varies and epoch != self._epoch:
            self._epoch, self._packing = epoch, self._pack(epoch)
        return self._packing

    def count(self, epoch: int) -> int:
        return self.packing(epoch).count

    def rows(self, epoch: int, generator: np.random.Generator) -> Rows:
        return self.packing(epoch).rows(generator)

    def _pack(self, epoch: int) -> Packing:
        shown = self._selection.epoch(np.random.default_rng([self._seed, epoch, 1]))
        return Packing(self._starts[shown], self.sizes[shown], context_length=self._context)


class Batches:
    """Batches of an endless sequence of epochs; the next one is made in a thread while the caller works on one."""

    def __init__(
        self,
        tokens: Tokens,
        documents: Documents | None = None,
        *,
        context_length: int,
        batch_size: int,
        seed: int,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """TinylmError for too little text, for weights without documents, and for weights that leave nothing."""
        if len(tokens) < 2 * context_length:
            raise TinylmError(
                f"the training text has {len(tokens)} tokens; context length {context_length} needs at least "
                f"{2 * context_length}",
                "add text, or lower --max-seq-length",
            )
        self._tokens = np.asarray(tokens)  # slices of a memory map as such are slow to make
        self._context, self._batch, self._seed = context_length, batch_size, seed
        self.utilisation = self.padding_utilisation = 1.0
        """Share of all slots that predict a token; and what it were with rows of its own for each document."""
        self._source: _Windows | _PackedDocuments
        if documents is None:
            if weights:
                raise TinylmError("weights of sources need separate documents", "leave the weights out")
            self._source = _Windows(len(tokens), context_length=context_length)
        else:
            packed = _PackedDocuments(
                documents, len(tokens), context_length=context_length, seed=seed, weights=weights or {}
            )
            self._source = packed
            self.utilisation = packed.packing(0).utilisation
            self.padding_utilisation = padding_utilisation(packed.sizes, context_length=context_length)
        self.sequences = self._source.count(0)
        """Rows of an epoch; of the first one, where weights show other documents in each."""
        if not self.sequences:
            raise TinylmError("the weights of the sources leave no text to train on", "raise one of them")
        self.steps_per_epoch = -(-self.sequences // batch_size)
        self._ends = [self.sequences]  # rows up to the end of each epoch, where epochs differ
        self._open(0)
        # One thread makes all batches, so that nothing else touches what it keeps between them.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: tuple[int, Future[Batch]] | None = None

    def batch(self, step: int) -> Batch:
        """The batch of the 0-based `step`: arrays of (batch_size, context_length)."""
        if self._ahead is not None and self._ahead[0] == step:
            future = self._ahead[1]
        else:
            future = self._worker.submit(self._make, step)
        self._ahead = (step + 1, self._worker.submit(self._make, step + 1))
        return future.result()

    def close(self) -> None:
        """End the thread; no batch can be had any more."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, step: int) -> Batch:
        shape = self._batch, self._context
        inputs = np.full(shape, PAD, np.int64)
        targets = np.full(shape, BOS, np.int64)
        documents = np.full(shape, PADDING, np.int32)
        for row in range(self._batch):
            position = self._find(step * self._batch + row)
            at = 0
            for number, i in enumerate(range(self._rows.first[position], self._rows.first[position + 1])):
                start, length = int(self._rows.start[i]), int(self._rows.length[i])
                read = self._tokens[start : start + length + 1]
                inputs[row, at : at + length], targets[row, at : at + length] = read[:-1], read[1:]
                documents[row, at : at + length] = number
                at += length
        drop_pages(self._tokens)
        return Batch(inputs, targets_of(targets), documents)

    def _find(self, row: int) -> int:
        """Make the epoch of the `row`-th row of all epochs the present one; returns the row's number in it."""
        if self._source.varies:
            while self._ends[-1] <= row:
                self._ends.append(self._ends[-1] + self._source.count(len(self._ends)))
            epoch = int(np.searchsorted(self._ends, row, side="right"))
            row -= self._ends[epoch - 1] if epoch else 0
        else:
            epoch, row = divmod(row, self.sequences)
        if epoch != self._epoch:
            self._open(epoch)
        return int(self._order[row])

    def _open(self, epoch: int) -> None:
        generator = np.random.default_rng([self._seed, epoch])
        self._order = generator.permutation(self._source.count(epoch))
        self._rows = self._source.rows(epoch, generator)
        self._epoch = epoch
