"""Scales for an int8 key/value cache, measured: how large each channel of the keys and values gets on real text.

The cache needs fixed scales, because what it holds was quantized at earlier tokens. A channel's scale is the largest
value it took over some text, with room to spare; what goes beyond is cut off.

    scales = measure_cache_scales(fp32_sequence, config, token_streams)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinylm.export.graph.quantization import LARGEST
from tinylm.runtime.backends.onnxruntime import OnnxruntimeSequence
from tinylm.settings.model import ModelConfig

HEADROOM = 1.1
"""Other text reaches a little further; a tenth more costs a tenth of the precision."""
_TOKENS = 4096  # Enough for the largest value of a channel to settle.
_PARTS: tuple[Literal["key", "value"], ...] = ("key", "value")


def measure_cache_scales(
    fp32: OnnxruntimeSequence, config: ModelConfig, streams: Iterable[Sequence[int]]
) -> dict[str, NDArray[np.float32]]:
    """Read token streams (BOS first), 4096 tokens at most, and return `0.key`, ...: float32 [n_kv_head * head_dim].

    A channel that stays zero gets the scale 1.
    """
    largest = {
        f"{layer}.{part}": np.zeros(config.n_kv_head * config.head_dim, np.float32)
        for layer in range(config.n_layer)
        for part in _PARTS
    }
    left = _TOKENS
    for stream in streams:
        for start in range(0, min(len(stream), left), config.context_length):
            window = stream[start : start + config.context_length][:left]
            fp32.truncate(())
            fp32.prefill(window)
            left -= len(window)
            for name, seen in largest.items():
                layer, _, part = name.partition(".")
                values = np.asarray(fp32.cached(int(layer), "key" if part == "key" else "value"))
                values = values.reshape(config.n_kv_head, config.context_length, config.head_dim)[:, : len(window)]
                np.maximum(seen, np.abs(values).max(axis=1).ravel(), out=seen)
    return {name: np.where(seen > 0, seen * HEADROOM / LARGEST, 1).astype(np.float32) for name, seen in largest.items()}
