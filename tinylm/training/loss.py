"""Next-token cross-entropy that never holds batch x length x vocabulary logits.

The output layer dominates a tiny model's cost. `linear_cross_entropy` walks over the positions in chunks, computes
logits, loss and both gradients of a chunk at once, and keeps only the gradients: memory stays at one chunk's logits
and the logits are computed once instead of twice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 1024
"""Positions a chunk; 1024 x 8000 logits in bf16 are 16 MB and stay near the cache (measured)."""


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.dtypes = hidden.dtype, weight.dtype
        hidden, weight = hidden.to(dtype), weight.to(dtype)
        wanted = any(ctx.needs_input_grad[:2])  # false in evaluation, which then costs a third
        if wanted:
            grad_hidden = torch.empty_like(hidden)
            grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, hidden.shape[0], CHUNK):
            part, answer = hidden[start : start + CHUNK], targets[start : start + CHUNK]
            known = (answer >= 0)[:, None]
            index = answer.clamp(min=0)[:, None]
            log_probabilities = torch.log_softmax(part @ weight.T, dim=1, dtype=torch.float32)
            total -= (log_probabilities.gather(1, index) * known).sum()
            if not wanted:
                continue
            # d loss / d logits = softmax - one-hot, zero where there is nothing to predict
            gradient = log_probabilities.exp_()
            gradient.scatter_add_(1, index, torch.full_like(index, -1, dtype=gradient.dtype))
            gradient = gradient.mul_(known).to(dtype)
            grad_hidden[start : start + CHUNK] = gradient @ weight
            grad_weight += gradient.T @ part
        if wanted:
            ctx.save_for_backward(grad_hidden, grad_weight)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        hidden_dtype, weight_dtype = ctx.dtypes
        scale = grad_outputs[0]
        return (grad_hidden * scale).to(hidden_dtype), (grad_weight * scale).to(weight_dtype), None, None


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, *, dtype: torch.dtype) -> Tensor:
    """Sum of cross-entropies in nats of softmax(hidden @ weight.T) against `targets`, as an fp32 scalar.

    hidden (N, D), weight (V, D), targets (N,) int64; a negative target is not predicted. The two matrix products run
    in `dtype`, the softmax in fp32. Both gradients are computed in the forward pass, when an input requires one.
    """
    total: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, dtype)  # type: ignore[no-untyped-call]
    return total
