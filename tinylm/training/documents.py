"""Rows of tokens that hold several documents: who sees whom, and what is to be predicted.

A row is cut from the stream `BOS document EOS BOS document ...` anywhere; BOS is where reading starts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tinylm.tokenizer import BOS

NOT_PREDICTED = -100
"""Marks a target that the loss passes over: BOS is where reading starts, nobody has to guess it."""


def targets_of(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Targets as the loss wants them: BOS is not predicted."""
    return np.where(ids == BOS, NOT_PREDICTED, ids)


def document_mask(input_ids: Tensor) -> Tensor:
    """Who may look at whom when a row holds several documents, each beginning with BOS.

    Token ids (B, T) int64 -> bool (B, 1, T, T), true where the key is in the query's past and in its document. A device
    reads every text from an empty cache; without this mask training would never show the model how that looks.
    """
    document = (input_ids == BOS).cumsum(dim=1)
    same = document[:, :, None] == document[:, None, :]
    return same.tril()[:, None]
