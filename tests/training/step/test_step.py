"""One optimizer step: its parts, its gradient norm, and what must not change it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import RunPlan
from tinylm.training.step.setup import set_up
from tinylm.training.step.step import optimize, timed_steps


def one_step(config: RunPlan, dataset: Dataset, **training: Any) -> tuple[float, float, dict[str, torch.Tensor]]:
    """Loss, gradient norm and weights after a step of SGD-like size."""
    changed = dataclasses.replace(config.training, **training)
    setup = set_up(dataclasses.replace(config, training=changed), dataset)
    result = optimize(setup, setup.batches.batch(0), rate=1e-3)
    clip = setup.training.grad_clip
    assert result.grad_norm_clipped == (result.grad_norm if clip is None else min(result.grad_norm, clip))
    return result.loss, result.grad_norm, setup.model.state_dict()


def test_accumulation_equals_one_large_batch(small_plan: RunPlan, dataset: Dataset) -> None:
    # eps so large that Adam's step is proportional to the gradient: it would hide a wrong scale otherwise.
    loss, norm, weights = one_step(small_plan, dataset, eps=1.0)
    parts_loss, parts_norm, parts = one_step(small_plan, dataset, eps=1.0, accumulation_steps=4)
    # fp32 sums in another order: a few units in the last place of 24 x 32 terms
    assert parts_loss == pytest.approx(loss, rel=1e-6)
    assert parts_norm == pytest.approx(norm, rel=1e-5)
    for name, value in weights.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-5, atol=1e-8)


def test_the_norm_is_reported_before_clipping_and_clipping_limits_the_step(
    small_plan: RunPlan, dataset: Dataset
) -> None:
    settings = {"eps": 1.0, "weight_decay": 0.0, "beta1": 0.0, "beta2": 0.0}
    norms, moves = [], []
    start = set_up(small_plan, dataset).model.state_dict()
    for clip in (None, 0.01):
        _, norm, weights = one_step(small_plan, dataset, grad_clip=clip, **settings)
        norms.append(norm)
        moves.append(float(sum((weights[k] - start[k]).square().sum() for k in start) ** 0.5))
    assert norms[0] == norms[1] > 0.1
    # With eps 1 and no momentum the step is rate x g / (|g| + 1): nearly rate x clip for small g.
    assert moves[1] == pytest.approx(1e-3 * 0.01, rel=0.02)
    assert moves[0] > 5 * moves[1]


def test_timing_steps_changes_nothing(small_plan: RunPlan, dataset: Dataset) -> None:
    setup = set_up(small_plan, dataset)
    before = {name: value.clone() for name, value in setup.model.state_dict().items()}
    assert timed_steps(setup, warm_up=1, timed=2)[0] > 0
    for name, value in setup.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not setup.optimizer.state


def test_checkpointed_activations_give_the_same_step(small_plan: RunPlan, dataset: Dataset) -> None:
    kept = one_step(small_plan, dataset)
    again = one_step(small_plan, dataset, activation_checkpointing=True)
    assert again[:2] == kept[:2]
    for name, value in kept[2].items():
        assert torch.equal(again[2][name], value), name
