"""tinylm's own torch model, reading tokens that follow others: what torch's exporters are given.

Training reads whole rows, so `tinylm.model` knows no cache. This runs its modules with another attention: what happens
to keys and values of the past is up to the exporter, `attend(layer, q, k, v)`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tinylm.model import build
from tinylm.settings.model import ModelConfig


def trained(source):
    """The torch model with its trained weights."""
    model = build(ModelConfig(**source.model))
    model.load_state_dict({name: torch.from_numpy(weight) for name, weight in source.weights.items()})
    return model.eval()


def last_logits(model, ids, rotary, attend):
    """Ids (1, T) -> logits (1, vocab_size) of the last of them.

    `rotary` is the pair of tables (T, head_dim / 2) for their positions; `attend` takes the layer's number and q, k, v
    (1, heads, T, head_dim), already rotated, and returns what q sees (1, n_head, T, head_dim).
    """
    x = model.embedding(ids)
    cos, sin = rotary
    for number, block in enumerate(model.blocks):
        attention = block.attention
        heads = attention.qkv(block.attention_norm(x)).view(1, x.shape[1], -1, attention.head_dim).transpose(1, 2)
        q, k, v = heads.split((attention.n_head, attention.n_kv_head, attention.n_kv_head), dim=1)
        seen = attend(number, _rotate(q, cos, sin), _rotate(k, cos, sin), v)
        x = x + attention.output(seen.transpose(1, 2).reshape(1, x.shape[1], -1))
        x = x + block.mlp(block.mlp_norm(x))
    last = model.norm(x[:, -1])
    return F.linear(last, model.output_weight) if model.head is None else model.head(last)


def _rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class GrowingCache(nn.Module):
    """forward(ids, key 0, value 0, key 1, ...) -> logits and the same with what was read appended."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, *past):
        """Ids (1, T), each past (1, n_kv_head, P, head_dim) -> (1, vocab_size), each present with P + T positions."""
        length, before = ids.shape[1], past[0].shape[2]
        tables = self.model.blocks[0].attention.rotary
        rotary = tables.cos[before : before + length], tables.sin[before : before + length]
        visible = torch.arange(before + length)[None] <= torch.arange(before, before + length)[:, None]
        present = []

        def attend(layer, q, k, v):
            k, v = torch.cat((past[2 * layer], k), dim=2), torch.cat((past[2 * layer + 1], v), dim=2)
            present.extend((k, v))
            groups = q.shape[1] // k.shape[1]
            if groups > 1:
                k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
            return F.scaled_dot_product_attention(q, k, v, attn_mask=visible)

        return last_logits(self.model, ids, rotary, attend), *present
