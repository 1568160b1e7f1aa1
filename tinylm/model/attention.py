"""Causal self-attention with grouped key/value heads and optional rotary positions."""

from __future__ import annotations

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel


class RotaryEmbedding(nn.Module):
    """Rotary positions (https://arxiv.org/abs/2104.09864), rotating the two halves of each head."""

    cos: Tensor
    sin: Tensor

    def __init__(self, *, head_dim: int, context_length: int, theta: float) -> None:
        super().__init__()
        frequencies = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
        angles = torch.outer(torch.arange(context_length, dtype=torch.float64), frequencies)
        # Not in the state dict: they follow from the configuration.
        self.register_buffer("cos", angles.cos().float(), persistent=False)  # (context, head_dim / 2)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Rotate `x` (B, H, T, head_dim) by its positions 0..T-1; same shape and dtype."""
        length = x.shape[-2]
        cos, sin = self.cos[:length].to(x.dtype), self.sin[:length].to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class CausalSelfAttention(nn.Module):
    """softmax(q k^T / sqrt(head_dim)) v over the past; query heads share key/value heads in groups."""

    def __init__(
        self,
        *,
        d_model: int,
        n_head: int,
        n_kv_head: int,
        rotary: RotaryEmbedding | None,
        sliding_window: int | None = None,
    ) -> None:
        super().__init__()
        self.n_head, self.n_kv_head, self.head_dim = n_head, n_kv_head, d_model // n_head
        self.qkv = nn.Linear(d_model, (n_head + 2 * n_kv_head) * self.head_dim, bias=False)  # rows: q, k, v
        self.output = nn.Linear(d_model, d_model, bias=False)
        self.rotary = rotary
        self.sliding_window = sliding_window

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model); `mask` bool (B, 1, T, T) says who sees whom, None is all of the past."""
        batch, length, _ = x.shape
        heads = self.qkv(x).view(batch, length, -1, self.head_dim).transpose(1, 2)
        q, k, v = heads.split((self.n_head, self.n_kv_head, self.n_kv_head), dim=1)  # (B, heads, T, head_dim)
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        if self.n_kv_head != self.n_head:
            k = k.repeat_interleave(self.n_head // self.n_kv_head, dim=1)
            v = v.repeat_interleave(self.n_head // self.n_kv_head, dim=1)
        if self.sliding_window is not None and self.sliding_window < length:
            everything = torch.ones(length, length, dtype=torch.bool, device=x.device)
            near = everything.tril().triu(1 - self.sliding_window)  # (T, T)
            mask = near if mask is None else mask & near
        # Torch's flash backward on the CPU is several times slower than plain batched products at these lengths.
        training_on_cpu = x.device.type == "cpu" and torch.is_grad_enabled()
        with sdpa_kernel(SDPBackend.MATH) if training_on_cpu else nullcontext():
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        output: Tensor = self.output(y.transpose(1, 2).reshape(batch, length, -1))
        return output
