"""Validation loss, perplexity and bits per byte, per language, while training."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tinylm.dataset.shards import Index, Shard, Tokens, languages, open_shard
from tinylm.evaluation.measures import perplexity, total_bits
from tinylm.evaluation.model_scoring import score
from tinylm.model import TinyTransformer
from tinylm.tokenizer.tokenizer import BOS

ALL = "all"
"""The key of all languages together."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How well a model predicts a text."""

    loss: float
    """Mean cross-entropy in nats per predicted token."""
    perplexity: float
    bits_per_byte: float
    """(total cross-entropy in bits + 8 x bytes behind UNK) / UTF-8 bytes of the normalised text."""
    tokens: int


class Validation:
    """The validation shards of a dataset, opened and checked once."""

    def __init__(self, folder: Path, index: Index, *, context_length: int) -> None:
        self._context = context_length
        self._shards: dict[str, tuple[Shard, Tokens]] = {
            language: (index.shards[f"val-{language}"], open_shard(folder, index, f"val-{language}"))
            for language in languages(index)
        }

    def evaluate(self, model: TinyTransformer, *, dtype: torch.dtype) -> dict[str, Quality]:
        """Quality per language and for `all`; each document is read from an empty cache, as on a device.

        A document longer than the context is read in windows that do not overlap. Every token but BOS is predicted
        exactly once.
        """
        sums: dict[str, tuple[float, int]] = {}
        for language, (_, tokens) in self._shards.items():
            total, count = 0.0, 0
            for batch in score(model, _documents(tokens), context_length=self._context, dtype=dtype):
                total += sum(float(nats.sum(dtype=np.float64)) for _, _, nats in batch)
                count += sum(len(nats) for _, _, nats in batch)
            sums[language] = total, count
        result = {
            language: _quality(*sums[language], shard.text_bytes, shard.unknown_bytes)
            for language, (shard, _) in self._shards.items()
        }
        shards = [shard for shard, _ in self._shards.values()]
        result[ALL] = _quality(
            sum(nats for nats, _ in sums.values()),
            sum(count for _, count in sums.values()),
            sum(shard.text_bytes for shard in shards),
            sum(shard.unknown_bytes for shard in shards),
        )
        return result


def _documents(tokens: Tokens) -> list[NDArray[Any]]:
    """The stream cut where documents begin, which is where BOS stands; nothing is copied."""
    stream = np.asarray(tokens)  # slices of a memory map are slow to make
    starts = [0, *(np.flatnonzero(stream[1:] == BOS) + 1), len(stream)]
    return [stream[start:end] for start, end in pairwise(starts)]


def _quality(nats: float, count: int, text_bytes: int, unknown_bytes: int) -> Quality:
    loss = nats / max(count, 1)
    return Quality(
        loss=loss,
        perplexity=perplexity(loss),
        bits_per_byte=total_bits(nats, float(unknown_bytes)) / max(text_bytes, 1),
        tokens=count,
    )
