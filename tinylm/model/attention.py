"""Causal self-attention with grouped key/value heads and optional rotary positions."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinylm.settings.model import ModelConfig


class StackedLinear(nn.Linear):
    """Linear layers without bias whose outputs lie side by side; `sections` is the width of each.

    The weight is theirs one below the other. What works on whole matrices (Muon) must take it apart again.
    """

    def __init__(self, in_features: int, *sections: int) -> None:
        super().__init__(in_features, sum(sections), bias=False)
        self.sections = sections


class RotaryEmbedding(nn.Module):
    """Rotary positions (https://arxiv.org/abs/2104.09864), rotating the two halves of each head."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.head_dim
        frequencies = config.rope_theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        angles = torch.outer(torch.arange(config.context_length, dtype=torch.float64), frequencies)
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

    def __init__(self, config: ModelConfig, rotary: RotaryEmbedding | None) -> None:
        super().__init__()
        self.n_head, self.n_kv_head, self.head_dim = config.n_head, config.n_kv_head, config.head_dim
        kv_width = self.n_kv_head * self.head_dim
        self.qkv = StackedLinear(config.d_model, config.d_model, kv_width, kv_width)  # q, k, v
        self.output = nn.Linear(config.d_model, config.d_model, bias=False)
        self.rotary = rotary

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model).

        `mask` broadcasts to (B, 1, T, T): bool says who sees whom, None is all of the past, and floating point (see
        `added_to_scores`) wants attention by plain products.
        """
        batch, length, _ = x.shape
        heads = self.qkv(x).view(batch, length, -1, self.head_dim).transpose(1, 2)
        q, k, v = heads.split((self.n_head, self.n_kv_head, self.n_kv_head), dim=1)  # (B, heads, T, head_dim)
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        if mask is not None and mask.is_floating_point():
            y = attention_by_products(q, k, v, mask)
        else:
            y = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=self.n_kv_head != self.n_head
            )
        output: Tensor = self.output(y.transpose(1, 2).reshape(batch, length, -1))
        return output


def within_window(mask: Tensor | None, *, window: int, length: int, device: torch.device) -> Tensor | None:
    """`mask`, bool or None, of which each position sees the last `window` positions only, its own among them."""
    if window >= length:
        return mask
    near = torch.ones(length, length, dtype=torch.bool, device=device).tril().triu(1 - window)  # (T, T)
    return near if mask is None else mask & near


def added_to_scores(mask: Tensor | None, *, length: int, device: torch.device) -> Tensor:
    """A bool mask, or None, as `attention_by_products` takes it: 0 where a key is seen, -inf where not.

    Once for all blocks: compiled, a softmax that adds it is faster than one that chooses by a bool (measured). bf16,
    because it holds both values exactly.
    """
    if mask is None:
        mask = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return torch.zeros(mask.shape, dtype=torch.bfloat16, device=device).masked_fill(~mask, -math.inf)


class _Products(torch.autograd.Function):
    """softmax(q k^T / sqrt(size) + mask) v; only the shares and the result are kept for the gradients, as they are.

    Both directions are written out because torch's way keeps or computes again what this needs neither of: masked
    shares are zero, so the backward pass knows no mask and no exponential. What softmax's gradient subtracts, the sum
    of shares times their gradients, is the result times its gradient (https://arxiv.org/abs/2205.14135, appendix B).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        scores = q @ k.transpose(2, 3)  # (B, KV, groups x T, T)
        exact = scores.to(torch.promote_types(scores.dtype, torch.float32)) * q.shape[-1] ** -0.5
        by_head = exact.view(*exact.shape[:2], -1, *mask.shape[-2:]) + mask
        shares = by_head.softmax(-1).to(v.dtype).view(scores.shape)
        mixed: Tensor = shares @ v
        ctx.save_for_backward(q, k, v, shares, mixed)
        return mixed

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, shares, mixed = ctx.saved_tensors
        (grad,) = grad_outputs
        exact = torch.promote_types(shares.dtype, torch.float32)
        common = (mixed.to(exact) * grad.to(exact)).sum(-1, keepdim=True)
        grad_scores = shares.to(exact) * ((grad @ v.transpose(2, 3)).to(exact) - common) * q.shape[-1] ** -0.5
        grad_scores = grad_scores.to(q.dtype)
        return grad_scores @ k, grad_scores.transpose(2, 3) @ q, shares.transpose(2, 3) @ grad, None


def attention_by_products(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """What torch's attention computes, as two batched products with a softmax of at least fp32 between them.

    q (B, H, T, head_dim), k and v (B, KV, T, head_dim) with KV a divisor of H, `mask` of `added_to_scores`, (T, T) or
    (B, 1, T, T); returns (B, H, T, head_dim). Torch's own backward passes on the CPU, flash and math, are several times
    slower in bf16 at a tiny model's lengths (measured).
    """
    batch, heads, length, size = q.shape
    q = q.reshape(batch, k.shape[1], -1, size)  # heads that share keys are rows of one product
    mask = mask if mask.dim() == 2 else mask[:, :, None]  # (B, 1, 1, T, T)
    mixed: Tensor = _Products.apply(q, k, v, mask)  # type: ignore[no-untyped-call]
    return mixed.view(batch, heads, length, size)
