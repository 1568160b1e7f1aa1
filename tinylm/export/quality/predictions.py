"""What a model says after every token of a text: the trained module at once, a bundle's graph as the device runs it.

trained = by_module(from_weights(config, weights))
exported = by_graph(model)
exported([[BOS, 17, 4], [BOS, 9]])      # two windows: logits float32 [3, vocab_size] and [2, vocab_size]
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from tinylm.model import TinyTransformer
from tinylm.runtime.engine import Engine
from tinylm.runtime.model import Model
from tinylm.tokenizer.tokenizer import PAD

Predict = Callable[[Sequence[Sequence[int]]], list[Tensor]]
"""Windows of token ids, each read from an empty cache, to logits, float32 [T, vocab_size] for a window of T ids.

Any number of threads may call it at the same time.
"""


def by_module(module: TinyTransformer) -> Predict:
    """All positions of all windows in one go; `module` is in evaluation mode, on the processor."""

    def predict(windows: Sequence[Sequence[int]]) -> list[Tensor]:
        ids = torch.full((len(windows), max(map(len, windows))), PAD)
        for row, window in zip(ids, windows, strict=True):
            row[: len(window)] = torch.tensor(window)
        with torch.inference_mode():  # padding comes last: what stands before never sees it
            return [row[: len(window)] for row, window in zip(module(ids), windows, strict=True)]

    return predict


def by_graph(model: Model) -> Predict:
    """Token by token, as decoding does: an int8 graph has one scale of activations for all tokens of a call."""
    own = threading.local()

    def predict(windows: Sequence[Sequence[int]]) -> list[Tensor]:
        if not hasattr(own, "engine"):
            own.engine = Engine(model)
        engine: Engine = own.engine
        found = []
        for window in windows:
            logits = np.empty((len(window), engine.vocab_size), np.float32)
            engine.truncate(0)
            for place, token in enumerate(window):
                logits[place] = engine.logits(token)
            found.append(torch.from_numpy(logits))
        return found

    return predict
