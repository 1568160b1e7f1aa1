"""Validation loss, perplexity and bits per byte, per language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tinylm.model import TinyTransformer
from tinylm.tokens.batches import NOT_PREDICTED, targets_of
from tinylm.tokens.shards import Index, Shard, Tokens, languages, open_shard
from tinylm.training.documents import document_mask, documents_of
from tinylm.training.loss import linear_cross_entropy

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

    def __init__(
        self, folder: Path, index: Index, *, context_length: int, batch_size: int, separate_documents: bool
    ) -> None:
        """With `separate_documents` a window's tokens see no earlier document of it, as in training."""
        self._context, self._batch, self._separate = context_length, batch_size, separate_documents
        self._shards: dict[str, tuple[Shard, Tokens]] = {
            language: (index.shards[f"val-{language}"], open_shard(folder, index, f"val-{language}"))
            for language in languages(index)
        }

    def evaluate(self, model: TinyTransformer, *, dtype: torch.dtype) -> dict[str, Quality]:
        """Quality per language and for `all`: non-overlapping windows, every token predicted exactly once."""
        sums: dict[str, tuple[float, int]] = {}
        training = model.training
        model.eval()
        with torch.no_grad():
            for language, (_, tokens) in self._shards.items():
                sums[language] = self._nats(model, tokens, dtype)
        model.train(training)
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

    def _nats(self, model: TinyTransformer, tokens: Tokens, dtype: torch.dtype) -> tuple[float, int]:
        """Cross-entropy of the whole stream in nats, and how many tokens were predicted."""
        device = next(model.parameters()).device
        total, count, context = 0.0, 0, self._context
        last = len(tokens) - 1  # the last token is only a target
        whole = last // context
        starts = [range(i, min(i + self._batch, whole)) for i in range(0, whole, self._batch)]
        windows = [np.stack([tokens[w * context : (w + 1) * context + 1] for w in batch]) for batch in starts]
        if last % context:
            windows.append(np.array(tokens[whole * context :])[None])
        for window in windows:
            rows = window.astype(np.int64)
            inputs = torch.from_numpy(rows[:, :-1]).to(device)
            mask = document_mask(documents_of(rows[:, :-1]), device) if self._separate else None
            answers = targets_of(rows[:, 1:])
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
                hidden = model.hidden(inputs, mask)
            targets = torch.from_numpy(answers).to(device).flatten()
            weight = model.output_weight.detach()
            total += float(linear_cross_entropy(hidden.flatten(0, 1), weight, targets, dtype=dtype))
            count += int((answers != NOT_PREDICTED).sum())
        return total, count


def _quality(nats: float, count: int, text_bytes: int, unknown_bytes: int) -> Quality:
    loss = nats / max(count, 1)
    return Quality(
        loss=loss,
        perplexity=math.exp(min(loss, 700.0)),
        bits_per_byte=(nats / math.log(2) + 8 * unknown_bytes) / max(text_bytes, 1),
        tokens=count,
    )
