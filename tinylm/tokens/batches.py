"""Batches whose content is a function of (seed, step) alone, so that resuming never changes the order of data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinylm.errors import TinylmError


class Batches:
    """Shuffled windows at stride = context length over a stream of tokens.

    An epoch visits every window once. Its windows start at an offset that the seed draws for each epoch, so that the
    same text is cut at different places; a batch may span two epochs.
    """

    def __init__(self, tokens: NDArray[np.uint16], *, context_length: int, batch_size: int, seed: int) -> None:
        self._tokens, self._context, self._batch, self._seed = tokens, context_length, batch_size, seed
        # Any offset below the context leaves room for this many windows and the last one's final target.
        self.windows = (len(tokens) - context_length) // context_length
        if self.windows < 1:
            raise TinylmError(
                f"the training text has {len(tokens)} tokens; context length {context_length} needs at least "
                f"{2 * context_length}",
                "add text, or lower --max-seq-length",
            )
        self.steps_per_epoch = -(-self.windows // batch_size)
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._offset = 0

    def batch(self, step: int) -> NDArray[np.int64]:
        """Rows for the 0-based `step`: (batch_size, context_length + 1) int64; inputs are [:, :-1], targets [:, 1:]."""
        rows = np.empty((self._batch, self._context + 1), np.int64)
        for row in range(self._batch):
            epoch, position = divmod(step * self._batch + row, self.windows)
            self._shuffle(epoch)
            start = self._offset + int(self._order[position]) * self._context
            rows[row] = self._tokens[start : start + self._context + 1]
        return rows

    def _shuffle(self, epoch: int) -> None:
        if epoch != self._epoch:
            generator = np.random.default_rng([self._seed, epoch])
            self._epoch = epoch
            self._order = generator.permutation(self.windows)
            self._offset = int(generator.integers(self._context))
