"""One optimizer step; and steps that are only timed."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tinylm.base.errors import say
from tinylm.base.progress import ProgressBar
from tinylm.dataset.batches import Batch
from tinylm.training.device import to_device
from tinylm.training.step.loss import linear_cross_entropy
from tinylm.training.step.optimizer import set_learning_rate
from tinylm.training.step.setup import Setup


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step measured."""

    loss: float
    """Mean cross-entropy of the batch in nats per predicted token."""
    rate: float
    """The learning rate."""
    grad_norm: float
    """L2 norm of all gradients before clipping."""
    grad_norm_clipped: float
    seconds: float


def loss_sum(setup: Setup, batch: Batch) -> Tensor:
    """Sum of the cross-entropies in nats of all that is predicted, as training computes it.

    The one way from data to loss: what is checked before the training is what trains.
    """
    ids, answers = to_device(batch.inputs, setup.device), to_device(batch.targets, setup.device)
    always = setup.model.compiled and setup.training.separate_documents
    mask = document_mask(batch.documents, setup.device, always=always)
    with torch.autocast(setup.device.type, dtype=torch.bfloat16, enabled=setup.dtype == torch.bfloat16):
        hidden = setup.model.hidden(ids, mask)
    return linear_cross_entropy(
        hidden.flatten(0, 1),
        setup.model.output_weight,
        answers.flatten(),
        dtype=setup.dtype,
        compiled=setup.model.compiled,
    )


def document_mask(documents: NDArray[np.int32], device: torch.device, *, always: bool = False) -> Tensor | None:
    """Who may look at whom: (B, T) numbers of documents -> bool (B, 1, T, T) on `device`, true where the key is in the
    query's past and in its document. None, which is all of the past, when each row is a single document and at most
    padding behind it, unless there shall `always` be one: a compiled model is compiled again for None.

    A device reads every text from an empty cache; without this mask training would never show the model how that
    looks. Padding sees padding before it: an empty row of attention is not a number.
    """
    if not always and (documents.max(axis=1) == documents[:, 0]).all():
        return None
    on_device = torch.from_numpy(documents).to(device, non_blocking=True)
    return (on_device[:, :, None] == on_device[:, None, :]).tril()[:, None]


def optimize(setup: Setup, batch: Batch, *, rate: float) -> StepResult:
    """Forward, backward, clipping, optimizer; nothing moves when loss or gradient is not finite."""
    training, model = setup.training, setup.model
    started = time.perf_counter()
    set_learning_rate(setup.optimizer, rate)
    predicted = max(batch.predicted, 1)
    total = 0.0
    for part in np.split(np.arange(len(batch.inputs)), training.accumulation_steps):
        loss = loss_sum(setup, batch[part])
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
    return StepResult(
        loss=total / predicted,
        rate=rate,
        grad_norm=norm,
        grad_norm_clipped=min(norm, limit),
        seconds=time.perf_counter() - started,
    )


@contextmanager
def undone(setup: Setup) -> Iterator[None]:
    """Afterwards weights and average are what they were and the optimizer is as new: before a checkpoint is loaded."""
    weights = {name: value.clone() for name, value in setup.model.state_dict().items()}
    try:
        yield
    finally:
        setup.optimizer.zero_grad(set_to_none=True)
        setup.optimizer.state.clear()
        setup.model.load_state_dict(weights)
        if setup.average is not None:
            setup.average.reset()


def timed_steps(
    setup: Setup, *, warm_up: int, timed: int, at_least_s: float = 0.0, at_most_s: float = math.inf
) -> tuple[float, float]:
    """Median seconds of a step after `warm_up` others, and the first step's loss in nats per token; undone.

    `timed` steps are timed (none: 0 seconds), or more until all together took `at_least_s`; fewer, down to one, where
    they took `at_most_s` before.
    """
    times: list[float] = []
    losses: list[float] = []
    with undone(setup), ProgressBar("timing steps", say=say):
        while len(times) < warm_up + timed or sum(times) < at_least_s:
            if len(times) > warm_up and sum(times) >= at_most_s:
                break
            result = optimize(setup, setup.batches.batch(len(times)), rate=0.0)
            losses.append(result.loss)
            times.append(result.seconds)
    return statistics.median(times[warm_up:]) if timed else 0.0, losses[0]
