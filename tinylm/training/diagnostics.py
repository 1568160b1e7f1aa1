"""Signs of trouble in a training, judged by the same rules while it runs and in its report.

Pure functions of the newest steps and of the evaluations, which a checkpoint keeps: a resumed run judges the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

WINDOW = 100
"""Steps that a running mean looks back on."""
FEWEST_STEPS = 20
"""Before so many steps a mean says too little."""
SPIKE_RATIO = 5.0
"""A gradient norm above so many times its running mean is a spike."""
LEAP_STEPS = 10
LEAP_NATS = 1.0
"""The loss has leapt when its mean of the last `LEAP_STEPS` steps is so much above that of the `WINDOW` before: the
right token has become e times less likely, and not in a single odd batch."""
OVERFITTING_EVALUATIONS = 2
"""So many evaluations at least came after the best one: a single bad one is no trend."""
OVERFITTING_RISE = 0.01
"""Share of the best validation loss by which it is higher now; less is the noise of some hundred kilobytes of text."""
PLATEAU_EVALUATIONS = 5
"""With fewer, no half of a run is long enough to stand still."""
PLATEAU_VALIDATION, PLATEAU_TRAINING = 0.005, 0.01
"""Shares of the loss: a healthy second half with a falling learning rate gains several per cent."""


@dataclass(frozen=True, kw_only=True)
class Recent:
    """The newest losses and gradient norms, oldest first."""

    losses: tuple[float, ...] = ()
    norms: tuple[float, ...] = ()

    def after(self, *, loss: float, norm: float) -> Recent:
        """With one more step."""
        return Recent(losses=(*self.losses, loss)[-WINDOW - LEAP_STEPS :], norms=(*self.norms, norm)[-WINDOW:])


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation, in nats per token."""

    step: int
    train_loss: float
    """Mean of the steps since the evaluation before; not a number where none is known."""
    val_loss: float
    val_bpb: dict[str, float]
    """Bits per byte per language, and `all`."""


Rule = Callable[[Sequence[Evaluation]], bool]


def not_a_number(*, loss: float, norm: float) -> str | None:
    """That a step cannot be used, in words; None when it can."""
    if math.isfinite(loss) and math.isfinite(norm):
        return None
    return f"the loss is {loss} and the gradient norm {norm}"


def spike(norms: Sequence[float], norm: float, *, steps: int) -> float | None:
    """The mean of `norms`, of the `steps` steps before, when `norm` is a spike above it; None when it is none."""
    if steps < FEWEST_STEPS or not norms:
        return None
    mean = fmean(norms)
    return mean if norm > SPIKE_RATIO * mean else None


def leap(recent: Recent) -> str | None:
    """That the loss has leapt, in words; None when it has not."""
    before, now = recent.losses[:-LEAP_STEPS], recent.losses[-LEAP_STEPS:]
    if len(before) < FEWEST_STEPS or fmean(now) <= fmean(before) + LEAP_NATS:
        return None
    return (
        f"the loss leapt: {fmean(now):.3f} on average in the last {LEAP_STEPS} steps, "
        f"{fmean(before):.3f} in the {len(before)} before"
    )


def overfitting(evaluations: Sequence[Evaluation]) -> bool:
    """Since the best evaluation the validation loss has risen while the training loss has fallen."""
    losses = [evaluation.val_loss for evaluation in evaluations]
    best = losses.index(min(losses)) if losses else 0
    return (
        len(losses) - 1 - best >= OVERFITTING_EVALUATIONS
        and losses[-1] > (1 + OVERFITTING_RISE) * losses[best]
        and evaluations[-1].train_loss < evaluations[best].train_loss
    )


def middle(evaluations: Sequence[Evaluation]) -> int:
    """The place of the evaluation that ends the first half."""
    return (len(evaluations) - 1) // 2


def plateau(evaluations: Sequence[Evaluation]) -> bool:
    """The second half of the evaluations hardly lowered the validation loss and hardly changed the training loss."""
    if len(evaluations) < PLATEAU_EVALUATIONS:
        return False
    losses, half = [evaluation.val_loss for evaluation in evaluations], middle(evaluations)
    before, after = evaluations[half].train_loss, evaluations[-1].train_loss
    stands = min(losses) > (1 - PLATEAU_VALIDATION) * min(losses[: half + 1])
    return stands and abs(before - after) < PLATEAU_TRAINING * before


def begins(rule: Rule, evaluations: Sequence[Evaluation]) -> bool:
    """Whether `rule` holds from the newest evaluation on."""
    return rule(evaluations) and not rule(evaluations[:-1])


def new_trends(evaluations: Sequence[Evaluation]) -> Iterator[tuple[Literal["overfitting", "plateau"], str]]:
    """What begins with the newest evaluation, and a sentence about it."""
    last = evaluations[-1]
    if begins(overfitting, evaluations):
        best = min(evaluations, key=lambda evaluation: evaluation.val_loss)
        yield (
            "overfitting",
            f"overfitting: the validation loss rose from {best.val_loss:.4f} at step {best.step} to {last.val_loss:.4f}"
            f" while the training loss fell to {last.train_loss:.4f}; `best` was saved before",
        )
    if begins(plateau, evaluations):
        half = evaluations[middle(evaluations)]
        words = f"was {half.val_loss:.4f} at step {half.step} and is {last.val_loss:.4f}"
        yield "plateau", f"plateau: the validation loss {words}"


def out_of_patience(evaluations: Sequence[Evaluation], patience: int) -> str | None:
    """That `patience` evaluations brought no better validation loss, in a sentence; None while there is hope.

    The evaluations are those since the length of the run was last decided: who trains a run further wants to see more.
    """
    losses = [evaluation.val_loss for evaluation in evaluations]
    best = losses.index(min(losses))
    if len(losses) - 1 - best < patience:
        return None
    return (
        f"stopped early: {patience} evaluations brought no validation loss below {losses[best]:.4f}, "
        f"that of step {evaluations[best].step}"
    )
