"""What a torch model says to streams of tokens: the one way that training's validation and `tinylm evaluate` share.

A stream is cut into windows of `context_length` tokens without overlap, each read by itself: what a window sees is
its own document only, and the first window sees BOS first. `tinylm.runtime.scoring` does the same token by token.
Windows of similar length go through the model together, so that hardly any padding is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tinylm.evaluation.costs import Scored
from tinylm.model import TinyTransformer
from tinylm.tokenizer.tokenizer import PAD

_BATCH_TOKENS = 4096
_CHUNK = 1024
"""Positions whose logits are held at a time: 1024 x 8000 in fp32 are 33 MB."""
_NOT_PREDICTED = -100


class Window(NamedTuple):
    """Part of a stream that is read by itself."""

    stream: int
    """The number of its stream."""
    first: int
    """Where in the stream it begins; the first target is the token behind."""
    targets: int
    """How many tokens are predicted."""


def score(
    model: TinyTransformer,
    streams: Sequence[NDArray[np.integer]],
    *,
    context_length: int,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Sequence[Scored]]:
    """Cross-entropy in nats of every token of each stream [T + 1] after the first, a batch at a time, longest first.

    Matrix products run in `dtype`, the softmax in fp32. The model is put in evaluation mode and left as it was.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        for batch in batches(streams, context_length, tokens=_BATCH_TOKENS):
            rows = [streams[number][first : first + context_length + 1] for number, first, _ in batch]
            inputs = np.full((len(rows), batch[0].targets), PAD, np.int64)
            targets = np.full_like(inputs, _NOT_PREDICTED)
            for place, row in enumerate(rows):
                inputs[place, : len(row) - 1] = row[:-1]
                targets[place, : len(row) - 1] = row[1:]
            with torch.no_grad():
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
                    hidden = model.hidden(torch.from_numpy(inputs).to(device))
                nats = _nats(
                    hidden.flatten(0, 1), model.output_weight, torch.from_numpy(targets).to(device).flatten(), dtype
                )
            values = nats.view(targets.shape).cpu().numpy()
            yield [(number, first, values[place, :length]) for place, (number, first, length) in enumerate(batch)]
    finally:
        model.train(training)


def batches(streams: Sequence[NDArray[np.integer]], context_length: int, *, tokens: int) -> Iterator[Sequence[Window]]:
    """The windows of the streams, longest first, in batches of about `tokens` tokens."""
    windows = [
        Window(number, first, min(context_length, len(stream) - 1 - first))
        for number, stream in enumerate(streams)
        for first in range(0, len(stream) - 1, context_length)
    ]
    windows.sort(key=lambda window: -window.targets)
    start = 0
    while start < len(windows):
        count = max(1, tokens // windows[start].targets)
        yield windows[start : start + count]
        start += count


def _nats(hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
    """Cross-entropies fp32 (N,) of softmax(hidden @ weight.T), zero where nothing is to be predicted.

    hidden (N, D), weight (V, D), targets (N,) int64.
    """
    columns = weight.to(dtype).T
    nats = torch.empty(len(targets), dtype=torch.float32, device=targets.device)
    for start in range(0, len(targets), _CHUNK):
        part = slice(start, start + _CHUNK)
        logits = (hidden[part].to(dtype) @ columns).float()
        nats[part] = F.cross_entropy(logits, targets[part], ignore_index=_NOT_PREDICTED, reduction="none")
    return nats
