"""The measures of a prediction, for single numbers and for arrays of them."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


def total_bits(nats: Number, unknown_bytes: Number) -> Number:
    """Cross-entropy in bits, and 8 bits for each byte that hides behind UNK: hiding text never pays."""
    return nats / math.log(2) + 8 * unknown_bytes


def perplexity(loss: float) -> float:
    """`e` to the loss in nats per token; a model that is wrong beyond measure stays a finite number."""
    return math.exp(min(loss, 700.0))
