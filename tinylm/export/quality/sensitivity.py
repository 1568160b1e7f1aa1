"""What quantizing one matrix alone costs the model: the difference between a large error and one that matters.

A tensor's own error (`tinylm.export.graph.quantization`) says how far its values moved, not whether anybody notices.
Here the trained module reads held-out text with one matrix after the other replaced by what its int8 values stand for,
all else in float32. Activations stay exact, so this is about weights only, and the parts need not add up to the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tinylm.base.progress import track
from tinylm.export.graph.quantization import quantize_rows
from tinylm.model import TinyTransformer, from_weights
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import BOS, Tokenizer, normalise

_MOST_TOKENS = 2048
"""Enough for the divergence, which comes out to some percent where matrices differ by factors."""
_OPERATIONS = 4e11
"""Multiplications and additions over all matrices; what bounds the time of larger models, to some ten seconds."""


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The price of one matrix in int8, on a sample of held-out text of all languages."""

    name: str
    kl: float
    """Mean divergence from the float32 module's next-token distribution, in nats. It ranks matrices reliably, down to
    1e-7, where float32 itself adds a tenth."""
    bpb_increase: float
    """Bits per byte, of either sign: on so little text, chance moves it by several times its size."""


@dataclass(frozen=True)
class Sample:
    """Windows of text, padded to one length; `text_bytes` are the UTF-8 bytes of all that is predicted."""

    ids: Tensor
    """int64 (B, T)"""
    targets: Tensor
    """int64 (B, T), -1 behind a window's end"""
    text_bytes: float


def sensitivities(
    config: ModelConfig,
    weights: Mapping[str, NDArray[np.floating]],
    tokenizer: Tokenizer,
    held_out: Mapping[str, Sequence[str]],
    *,
    say: Callable[[str], None],
) -> tuple[Sensitivity, ...]:
    """One entry for every matrix in `weights`, in order; `say` is told how far it is."""
    matrices = {name: weight for name, weight in weights.items() if weight.ndim == 2}
    operations = 2 * sum(weight.size for weight in matrices.values()) * (len(matrices) + 1)  # for one token
    tokens = min(_MOST_TOKENS, int(_OPERATIONS / operations))
    texts = list(chain.from_iterable(held_out.values()))
    sample = draw_sample(tokenizer, texts, context_length=config.context_length, tokens=tokens)
    module = from_weights(config, weights)
    exact, nats = log_probabilities(module, sample)
    found: list[Sensitivity] = []
    for name, weight in track(matrices.items(), "sensitivity", total=len(matrices), unit="matrices", say=say):
        parameter = module.get_parameter(name)
        original = parameter.detach().clone()
        parameter.data.copy_(torch.from_numpy(quantize_rows(weight).dequantize()))
        rounded, nats_rounded = log_probabilities(module, sample)
        parameter.data.copy_(original)
        found.append(
            Sensitivity(
                name=name,
                kl=float((exact.exp() * (exact - rounded)).sum(-1).mean()),
                bpb_increase=(nats_rounded - nats) / math.log(2) / sample.text_bytes,
            )
        )
    return tuple(found)


def draw_sample(tokenizer: Tokenizer, texts: Sequence[str], *, context_length: int, tokens: int) -> Sample:
    """About `tokens` tokens in windows of `context_length`, evenly spread over the texts; at least one window."""
    windows, text_bytes = [], []
    for text in texts:
        stream = [BOS, *tokenizer.encode(text)]
        for start in range(0, len(stream) - 1, context_length):
            windows.append(stream[start : start + context_length + 1])
            text_bytes.append(len(normalise(text).encode()) * (len(windows[-1]) - 1) / (len(stream) - 1))
    count = min(max(tokens // context_length, 1), len(windows))
    chosen = [i * len(windows) // count for i in range(count)]
    length = max(len(windows[i]) for i in chosen) - 1
    ids = torch.zeros(count, length, dtype=torch.int64)
    targets = torch.full((count, length), -1)
    for row, i in enumerate(chosen):
        ids[row, : len(windows[i]) - 1] = torch.tensor(windows[i][:-1])
        targets[row, : len(windows[i]) - 1] = torch.tensor(windows[i][1:])
    return Sample(ids, targets, sum(text_bytes[i] for i in chosen))


@torch.inference_mode()
def log_probabilities(module: TinyTransformer, sample: Sample) -> tuple[Tensor, float]:
    """Log-probabilities, float32 (N, V), of the N predictions; and the sample's cross-entropy in nats."""
    there = sample.targets >= 0
    found = module(sample.ids)[there].log_softmax(-1)
    return found, float(-found.gather(1, sample.targets[there][:, None]).double().sum())
