"""Causal self-attention with grouped key/value heads and optional rotary positions."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinylm.model.stacked import StackedLinear


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
        kv_width = n_kv_head * self.head_dim
        self.qkv = StackedLinear(d_model, d_model, kv_width, kv_width)  # q, k, v
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
        if self.sliding_window is not None and self.sliding_window < length:
            everything = torch.ones(length, length, dtype=torch.bool, device=x.device)
            near = everything.tril().triu(1 - self.sliding_window)  # (T, T)
            mask = near if mask is None else mask & near
        if x.device.type == "cpu" and torch.is_grad_enabled():
            y = attention_by_products(q, k, v, mask)
        else:
            y = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=self.n_kv_head != self.n_head
            )
        output: Tensor = self.output(y.transpose(1, 2).reshape(batch, length, -1))
        return output


class _Products(torch.autograd.Function):
    """softmax(q k^T / sqrt(size)) v; only the shares are kept for the gradients, in the products' own type.

    Both directions are written out because torch's way keeps or computes again what this needs neither of: masked
    shares are zero, so the backward pass knows no mask and no exponential.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, past: Tensor) -> Tensor:
        scores = q @ k.transpose(2, 3)  # (B, KV, groups x T, T)
        exact = scores.to(torch.promote_types(scores.dtype, torch.float32)) * q.shape[-1] ** -0.5
        by_head = exact.view(*exact.shape[:2], -1, *past.shape[-2:]).masked_fill(~past, -math.inf)
        shares = by_head.softmax(-1).to(v.dtype).view(scores.shape)
        ctx.save_for_backward(q, k, v, shares)
        mixed: Tensor = shares @ v
        return mixed

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, shares = ctx.saved_tensors
        (grad,) = grad_outputs
        exact = torch.promote_types(shares.dtype, torch.float32)
        grad_shares, weights = (grad @ v.transpose(2, 3)).to(exact), shares.to(exact)
        grad_scores = weights * (grad_shares - (weights * grad_shares).sum(-1, keepdim=True)) * q.shape[-1] ** -0.5
        grad_scores = grad_scores.to(q.dtype)
        return grad_scores @ k, grad_scores.transpose(2, 3) @ q, shares.transpose(2, 3) @ grad, None


def attention_by_products(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """What torch's attention computes, as two batched products with a softmax of at least fp32 between them.

    q (B, H, T, head_dim), k and v (B, KV, T, head_dim) with KV a divisor of H, mask bool that broadcasts to
    (B, 1, T, T) or None for all of the past; returns (B, H, T, head_dim). Torch's own backward passes on the CPU, flash
    and math, are several times slower in bf16 at a tiny model's lengths (measured).
    """
    batch, heads, length, size = q.shape
    groups = heads // k.shape[1]
    q = q.reshape(batch, -1, groups * length, size)  # heads that share keys are rows of one product
    past = torch.ones(length, length, dtype=torch.bool, device=q.device).tril() if mask is None else mask
    past = past if past.dim() == 2 else past[:, :, None]  # (B, 1, 1, T, T)
    mixed: Tensor = _Products.apply(q, k, v, past)  # type: ignore[no-untyped-call]
    return mixed.view(batch, heads, length, size)
