"""Rows that hold several documents: who sees whom."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def document_mask(documents: NDArray[np.int32], device: torch.device, *, always: bool = False) -> Tensor | None:
    """Who may look at whom: (B, T) numbers of documents -> bool (B, 1, T, T) on `device`, true where the key is in the
    query's past and in its document. None, which is all of the past, when each row is a single document and at most
    padding behind it, unless there shall `always` be one: a compiled model is compiled again for None.

    A device reads every text from an empty cache; without this mask training would never show the model how that
    looks. Padding sees padding before it: an empty row of attention is not a number.
    """
    if not always and (documents.max(axis=1) == documents[:, 0]).all():
        return None
    on_device = torch.from_numpy(documents).to(device, non_blocking=True)
    return (on_device[:, :, None] == on_device[:, None, :]).tril()[:, None]
