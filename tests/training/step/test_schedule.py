"""The learning rate against its formula and against torch's scheduler."""

from __future__ import annotations

import math

import pytest
import torch

from tinylm.settings.run import PRESETS, TrainingConfig
from tinylm.training.step.schedule import learning_rate


def test_cosine_has_three_phases() -> None:
    config = TrainingConfig(learning_rate=1e-2, min_learning_rate=1e-3, warmup_fraction=0.1, decay_fraction=0.8)
    rates = [learning_rate(step, total_steps=100, steps_per_epoch=7, config=config) for step in range(100)]
    assert rates[:10] == pytest.approx([1e-2 * (step + 1) / 11 for step in range(10)])  # rises, never starts at 0
    assert rates[10] == pytest.approx(1e-2)
    middle = [1e-3 + 9e-3 * (1 + math.cos(math.pi * i / 70)) / 2 for i in range(70)]
    assert rates[10:80] == pytest.approx(middle)
    assert rates[80:] == pytest.approx([1e-3] * 20)
    assert sorted(rates[10:], reverse=True) == rates[10:]


@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_short_runs_have_a_rate_above_zero_at_every_step(total: int) -> None:
    config = PRESETS["tiny"].training
    rates = [learning_rate(step, total_steps=total, steps_per_epoch=1, config=config) for step in range(total)]
    assert all(0 < rate <= 1.0001 * config.learning_rate for rate in rates)
    assert max(rates) == pytest.approx(config.learning_rate)


def test_classic_steps_per_epoch_as_torch_does() -> None:
    config = PRESETS["classic"].training
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=config.learning_rate)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.epochs)
    for epoch in range(config.epochs):
        expected = optimizer.param_groups[0]["lr"]
        for step in range(epoch * 13, epoch * 13 + 13):
            rate = learning_rate(step, total_steps=13 * config.epochs, steps_per_epoch=13, config=config)
            assert rate == pytest.approx(expected, rel=1e-9)
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_linear_falls_in_equal_steps_to_nothing_after_the_last() -> None:
    config = TrainingConfig(learning_rate=1e-2, warmup_fraction=0.1, schedule="linear")
    rates = [learning_rate(step, total_steps=100, steps_per_epoch=7, config=config) for step in range(100)]
    assert rates[10:] == pytest.approx([1e-2 * (90 - i) / 90 for i in range(90)])
    assert rates[-1] > 0
