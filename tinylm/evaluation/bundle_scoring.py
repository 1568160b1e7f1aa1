"""What a bundle's runtime says to streams of tokens, token by token, as on the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tinylm.evaluation.costs import Scored
from tinylm.runtime.backends.contract import TokenEngine
from tinylm.runtime.scoring import score_ids


def cross_entropy(logits: memoryview[float], target: int) -> float:
    """`tinylm.runtime.scoring.cross_entropy` by numpy, which is faster where memory does not matter."""
    values = np.asarray(logits, np.float64)
    best = values.max()
    return float(np.log(np.exp(values - best).sum()) - (values[target] - best))


def score(engine: TokenEngine, streams: Sequence[NDArray[np.int64]]) -> Iterator[Sequence[Scored]]:
    """Cross-entropy in nats of every token of each stream after the first, window by window."""
    width = engine.context_length
    for number, stream in enumerate(streams):
        for first in range(0, len(stream) - 1, width):
            window = stream[first : first + width + 1].tolist()
            yield [(number, first, np.array(score_ids(engine, window, cross_entropy)))]
