"""tinylm's torch model with a cache of fixed size inside, updated in place by ExecuTorch's custom operator."""

from __future__ import annotations

import torch
from peers.cached_model import last_logits
from torch import nn


class FixedCache(nn.Module):
    """forward(ids, start) -> logits; keys and values of the positions before `start` are what earlier calls left."""

    def __init__(self, model, context_length):
        super().__init__()
        self.model, self.context_length = model, context_length
        attention = model.blocks[0].attention
        shape = (1, context_length, attention.n_kv_head, attention.head_dim)
        for layer in range(len(model.blocks)):
            self.register_buffer(f"key_{layer}", torch.zeros(shape))
            self.register_buffer(f"value_{layer}", torch.zeros(shape))

    def forward(self, ids, start):
        """Ids (1, T), start (1) -> (1, vocab_size)."""
        length, before = ids.shape[1], start.item()
        torch._check(before >= 0)
        torch._check(before + length <= self.context_length)
        tables = self.model.blocks[0].attention.rotary
        rotary = tables.cos.narrow(0, before, length), tables.sin.narrow(0, before, length)

        def attend(layer, q, k, v):
            # The operator wants (1, T, heads, head_dim), stores k and v from `before` on, and sees only the past.
            q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            caches = getattr(self, f"key_{layer}"), getattr(self, f"value_{layer}")
            seen = torch.ops.llama.sdpa_with_kv_cache(q, k, v, *caches, before, length, None, 0.0, True)
            return seen.transpose(1, 2)

        return last_logits(self.model, ids, rotary, attend)
