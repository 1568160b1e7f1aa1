"""Next-token cross-entropy that never holds batch x length x vocabulary logits.

The output layer dominates a tiny model's cost. `linear_cross_entropy` walks over the positions in chunks, computes
logits, loss and both gradients of a chunk at once, and keeps only the gradients: memory stays at one chunk's logits,
and the logits are computed once instead of twice.

The gradient of the logits is softmax - one-hot. Neither is ever written: the exponentials go into the two matrix
products as they are, the softmax's denominators scale the smaller operand of each, and the one-hot part is a row of
the weights or of the hidden states to subtract, in fp32. One exponential an entry is what remains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

CHUNK = 1024
"""Positions a chunk: 1024 x 8000 logits in bf16 are 16 MB and stay near the cache (measured)."""

_Part = tuple[Tensor, Tensor, Tensor, Tensor]


def _part(hidden: Tensor, weight: Tensor, targets: Tensor) -> _Part:
    """One chunk: its cross-entropy, and what the gradients are made of.

    hidden (N, D) and weight (V, D) in the dtype of the products, targets (N,). Returns the sum in nats as an fp32
    scalar, the gradient of `hidden`, e = exp(logits - largest) (N, V), and `hidden` divided by e's row sums: the
    gradient of `weight` is e^T times it, less the one-hot part.
    """
    logits = hidden @ weight.T
    index = targets.clamp(min=0)
    known = (targets >= 0)[:, None]
    largest = logits.amax(1, keepdim=True).float()
    exponentials = (logits.float() - largest).exp()
    total = exponentials.sum(1, keepdim=True)
    nats = torch.where(known, largest + total.log() - logits.gather(1, index[:, None]), 0).sum()
    exponentials = exponentials.to(logits.dtype)
    scale = torch.where(known, 1 / total, 0)
    grad_hidden = (exponentials @ weight) * scale - torch.where(known, weight[index], 0)
    scaled = (hidden * scale).to(hidden.dtype).T.contiguous().T  # in columns: the product with it is a tenth faster
    return nats, grad_hidden.to(hidden.dtype), exponentials, scaled


@cache
def _compiled_part() -> Callable[[Tensor, Tensor, Tensor], _Part]:
    return torch.compile(_part, dynamic=False)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype, compiled: bool
    ) -> Tensor:
        ctx.dtypes = hidden.dtype, weight.dtype
        hidden, weight = hidden.to(dtype), weight.to(dtype)
        if not any(ctx.needs_input_grad[:2]):  # evaluation, which costs a third
            return _value(hidden, weight, targets)
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, hidden.shape[0], CHUNK):
            rows = slice(start, start + CHUNK)
            whole = compiled and start + CHUNK <= hidden.shape[0]  # a last, shorter chunk is not worth compiling for
            part = _compiled_part() if whole else _part
            nats, grad_hidden[rows], exponentials, scaled = part(hidden[rows], weight, targets[rows])
            total += nats
            grad_weight += exponentials.T @ scaled
        known = (targets >= 0)[:, None]
        one_hot = torch.where(known, hidden, 0).float()
        grad_weight.index_add_(0, targets.clamp(min=0), one_hot, alpha=-1)
        ctx.save_for_backward(grad_hidden, grad_weight)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, None, None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        hidden_dtype, weight_dtype = ctx.dtypes
        scale = grad_outputs[0]
        return (grad_hidden * scale).to(hidden_dtype), (grad_weight * scale).to(weight_dtype), None, None, None


def _value(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    total = torch.zeros((), dtype=torch.float32, device=hidden.device)
    for start in range(0, hidden.shape[0], CHUNK):
        answers = targets[start : start + CHUNK]
        logits = (hidden[start : start + CHUNK] @ weight.T).float()
        nats = logits.logsumexp(1) - logits.gather(1, answers.clamp(min=0)[:, None])[:, 0]
        total += torch.where(answers >= 0, nats, 0).sum()
    return total


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, dtype: torch.dtype, compiled: bool = False
) -> Tensor:
    """Sum of cross-entropies in nats of softmax(hidden @ weight.T) against `targets`, as an fp32 scalar.

    hidden (N, D), weight (V, D), targets (N,) int64; a negative target is not predicted. The matrix products run in
    `dtype`, the softmax in fp32. Both gradients are computed in the forward pass, when an input requires one;
    `compiled` has torch's compiler fuse what lies between the products.
    """
    total: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, dtype, compiled)  # type: ignore[no-untyped-call]
    return total
