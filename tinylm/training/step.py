"""One optimizer step."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from tinylm.errors import TinylmError
from tinylm.training.documents import document_mask, targets_of
from tinylm.training.loss import linear_cross_entropy
from tinylm.training.setup import Setup


def optimize(setup: Setup, rows: NDArray[np.int64], *, rate: float) -> tuple[float, float]:
    """One optimizer step on (batch, context + 1) ids; returns mean loss in nats, and the gradient norm unclipped."""
    training, model = setup.training, setup.model
    for group in setup.optimizer.param_groups:
        group["lr"] = rate
    targets = targets_of(rows[:, 1:])
    predicted = max(int((targets >= 0).sum()), 1)
    total = 0.0
    for part in np.split(np.arange(len(rows)), training.accumulation_steps):
        inputs = torch.from_numpy(rows[part, :-1]).to(setup.device, non_blocking=True)
        answers = torch.from_numpy(targets[part]).to(setup.device, non_blocking=True)
        with torch.autocast(setup.device.type, dtype=torch.bfloat16, enabled=setup.dtype == torch.bfloat16):
            hidden = model.hidden(inputs, document_mask(inputs) if training.separate_documents else None)
        loss = linear_cross_entropy(hidden.flatten(0, 1), model.output_weight, answers.flatten(), dtype=setup.dtype)
        # Divided by the whole batch's count, so that accumulation gives the same gradient as one large batch.
        (loss / predicted).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    limit = math.inf if training.grad_clip is None else training.grad_clip
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), limit))
    if not math.isfinite(total) or not math.isfinite(norm):
        raise TinylmError(
            f"the loss is {total / predicted} and the gradient norm {norm}: training diverged",
            f"lower --learning-rate (it was {training.learning_rate}), then run again with --force",
            exit_code=1,
        )
    setup.optimizer.step()
    setup.optimizer.zero_grad(set_to_none=True)
    return total / predicted, norm
