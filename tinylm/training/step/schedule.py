"""The learning rate as a function of the step."""

from __future__ import annotations

import math

from tinylm.settings.run import TrainingConfig


def learning_rate(step: int, *, total_steps: int, steps_per_epoch: int, config: TrainingConfig) -> float:
    """Rate for the 0-based optimizer `step` of `total_steps`.

    `cosine` and `linear` have three phases: linear warm-up from zero (`step < warmup`), a cosine or a line from
    `learning_rate` to `min_learning_rate`, then constant. `cosine_per_epoch` is lr (1 + cos(pi epoch / epochs)) / 2,
    stepped per epoch.
    """
    peak, floor = config.learning_rate, config.min_learning_rate
    if config.schedule == "cosine_per_epoch":
        epochs = math.ceil(total_steps / steps_per_epoch)
        return floor + (peak - floor) * (1 + math.cos(math.pi * (step // steps_per_epoch) / epochs)) / 2
    warmup = config.warmup_steps
    if warmup is None:
        warmup = round(config.warmup_fraction * total_steps)
    end = max(warmup + 1, round(config.decay_fraction * total_steps))
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    if step >= end:
        return floor
    passed = (step - warmup) / (end - warmup)
    left = 1 - passed if config.schedule == "linear" else (1 + math.cos(math.pi * passed)) / 2
    return floor + (peak - floor) * left
