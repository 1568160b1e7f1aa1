"""Signs of trouble in the newest steps: a gradient that leaps, a loss that leaps or is no number.

What is looked back on is part of the progress that a checkpoint keeps, so that a resumed run judges the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean

from tinylm.base.numerals import number

WINDOW = 100
"""Steps that a running mean looks back on."""
SPIKE_RATIO = 5.0
"""A gradient norm above so many times its running mean is a spike."""
FEWEST_STEPS = 20
"""Before so many steps a mean says too little."""
LEAP_STEPS = 10
LEAP_NATS = 1.0
"""The loss has leapt when its mean of the last `LEAP_STEPS` steps is so much above that of the `WINDOW` before: the
right token has become e times less likely, and not in a single odd batch."""


@dataclass(frozen=True, kw_only=True)
class Recent:
    """The newest losses and gradient norms, oldest first."""

    losses: tuple[float, ...] = ()
    norms: tuple[float, ...] = ()

    def after(self, *, loss: float, norm: float) -> Recent:
        """With one more step."""
        return Recent(losses=(*self.losses, loss)[-WINDOW - LEAP_STEPS :], norms=(*self.norms, norm)[-WINDOW:])


def spike(recent: Recent, norm: float) -> str | None:
    """What is odd about the gradient norm of the step after `recent`, in a sentence; None when nothing is."""
    if len(recent.norms) < FEWEST_STEPS:
        return None
    mean = fmean(recent.norms)
    if norm <= SPIKE_RATIO * mean:
        return None
    return f"gradient norm {number(norm)}, {norm / mean:.1f} times its mean of the last {len(recent.norms)} steps"


def not_a_number(*, loss: float, norm: float) -> str | None:
    """That a step cannot be used, in words; None when it can."""
    if math.isfinite(loss) and math.isfinite(norm):
        return None
    return f"the loss is {loss} and the gradient norm {norm}"


def leap(recent: Recent) -> str | None:
    """That the loss has leapt, in words; None when it has not."""
    before, now = recent.losses[:-LEAP_STEPS], recent.losses[-LEAP_STEPS:]
    if len(before) < FEWEST_STEPS or fmean(now) <= fmean(before) + LEAP_NATS:
        return None
    return (
        f"the loss leapt: {fmean(now):.3f} on average in the last {LEAP_STEPS} steps, "
        f"{fmean(before):.3f} in the {len(before)} before"
    )
