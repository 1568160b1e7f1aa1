"""One optimizer step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tinylm.training.device import to_device
from tinylm.training.documents import document_mask, targets_of
from tinylm.training.loss import linear_cross_entropy
from tinylm.training.optimizer import set_learning_rate
from tinylm.training.setup import Setup


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step measured."""

    loss: float
    """Mean cross-entropy of the batch in nats per predicted token."""
    grad_norm: float
    grad_norm_clipped: float


def loss_sum(setup: Setup, inputs: NDArray[np.int64], targets: NDArray[np.int64]) -> Tensor:
    """Sum of the cross-entropies in nats of rows (B, T), as training computes it; a negative target is not predicted.

    The one way from data to loss: what is checked before the training is what trains.
    """
    ids, answers = to_device(inputs, setup.device), to_device(targets, setup.device)
    with torch.autocast(setup.device.type, dtype=torch.bfloat16, enabled=setup.dtype == torch.bfloat16):
        hidden = setup.model.hidden(ids, document_mask(ids) if setup.training.separate_documents else None)
    return linear_cross_entropy(
        hidden.flatten(0, 1),
        setup.model.output_weight,
        answers.flatten(),
        dtype=setup.dtype,
        compiled=setup.model.compiled,
    )


def optimize(setup: Setup, rows: NDArray[np.int64], *, rate: float) -> StepResult:
    """One optimizer step on (batch, context + 1) ids; nothing moves when loss or gradient is not finite."""
    training, model = setup.training, setup.model
    set_learning_rate(setup.optimizer, rate)
    targets = targets_of(rows[:, 1:])
    predicted = max(int((targets >= 0).sum()), 1)
    total = 0.0
    for part in np.split(np.arange(len(rows)), training.accumulation_steps):
        loss = loss_sum(setup, rows[part, :-1], targets[part])
        # Divided by the whole batch's count, so that accumulation gives the same gradient as one large batch.
        (loss / predicted).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    limit = math.inf if training.grad_clip is None else training.grad_clip
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), limit))
    if math.isfinite(total) and math.isfinite(norm):
        setup.optimizer.step()
        if setup.average is not None:
            setup.average.update()
    setup.optimizer.zero_grad(set_to_none=True)
    return StepResult(loss=total / predicted, grad_norm=norm, grad_norm_clipped=min(norm, limit))
