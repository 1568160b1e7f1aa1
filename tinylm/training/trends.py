"""What the evaluations of a run say together: it learns by heart, it stands still, it should stop.

Pure functions of the evaluations, which a checkpoint keeps: a resumed run says and does the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

OVERFITTING_EVALUATIONS = 3
"""So many times in a row the validation loss rises while the training loss falls."""
PLATEAU_EVALUATIONS = 5
"""So many evaluations without an improvement."""
PLATEAU_SHARE = 0.001
"""An improvement by less than this share of the loss is none."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation, in nats per token."""

    step: int
    train_loss: float
    """Mean of the steps since the evaluation before."""
    val_loss: float
    val_bpb: dict[str, float]
    """Bits per byte per language, and `all`."""


def overfitting(evaluations: Sequence[Evaluation]) -> str | None:
    """A sentence at the evaluation that makes it overfitting, None before and after."""
    rises = 0
    for before, now in pairwise(evaluations):
        rises = rises + 1 if now.val_loss > before.val_loss and now.train_loss < before.train_loss else 0
    if rises != OVERFITTING_EVALUATIONS:
        return None
    first, last = evaluations[-1 - rises], evaluations[-1]
    return (
        f"overfitting: over {rises} evaluations the validation loss rose from {first.val_loss:.4f} to "
        f"{last.val_loss:.4f} while the training loss fell to {last.train_loss:.4f}; `best` was saved before"
    )


def plateau(evaluations: Sequence[Evaluation]) -> str | None:
    """A sentence at the evaluation that makes it a plateau, None before and after."""
    best, since = float("inf"), 0
    for evaluation in evaluations:
        if evaluation.val_loss < best * (1 - PLATEAU_SHARE):
            best, since = evaluation.val_loss, 0
        else:
            since += 1
    if since != PLATEAU_EVALUATIONS:
        return None
    return (
        f"plateau: {since} evaluations without an improvement of {PLATEAU_SHARE:.1%} on the validation loss {best:.4f}"
    )


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
