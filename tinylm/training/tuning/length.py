"""How long a run is, in optimizer steps."""

from __future__ import annotations

from tinylm.base.errors import say
from tinylm.training.step.setup import Setup
from tinylm.training.tuning.trial import timed_steps

_WARM_UP_STEPS = 2
_TIMED_STEPS = 8
"""`--minutes` times at least this many steps, and at least `_TIMED_SHARE` of the minutes: a busy moment must not decide
the length of the whole run. The timed steps are undone."""
_TIMED_SHARE = 0.02
_EVALUATION_SHARE = 0.06
"""Share of `--minutes` kept for validation, samples and checkpoints."""


def decide_total_steps(setup: Setup, *, done: int, spent: float = 0.0) -> int:
    """How long the run is in optimizer steps: recorded, timed (`minutes` more than is `done`) or `epochs` passes.

    `spent` seconds of `minutes` are gone already.
    """
    training = setup.training
    if training.total_steps is not None:
        return training.total_steps
    if training.minutes is None:
        return training.epochs * setup.batches.steps_per_epoch
    seconds = training.minutes * 60 * (1 - _EVALUATION_SHARE - _TIMED_SHARE) - spent
    return done + max(1, int(seconds / time_step(setup, minutes=training.minutes)))


def time_step(setup: Setup, *, minutes: float) -> float:
    """Median seconds of a step; the model and the optimizer are as new afterwards."""
    seconds = _TIMED_SHARE * minutes * 60
    say(f"timing steps for --minutes, about {max(1, round(seconds))} s")
    return timed_steps(setup, warm_up=_WARM_UP_STEPS, timed=_TIMED_STEPS, at_least_s=seconds)[0]
