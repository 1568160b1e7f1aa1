"""Spikes of the gradient norm, and what they say of a run as a whole."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from tinylm.base.numerals import counted
from tinylm.report.run import Run
from tinylm.training.diagnostics import WINDOW, not_a_number, spike
from tinylm.training.run.metrics import StepMetrics

MOST_SPIKES = 10
"""A run with fewer is stable."""
_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Spike:
    """A step whose gradient was far longer than those before it."""

    step: int
    grad_norm: float
    """Before clipping."""
    mean: float
    """Of the 100 steps before."""


@dataclass(frozen=True, kw_only=True)
class Stability:
    """The verdict, in one word and in a sentence."""

    verdict: Literal["stable", "unstable", "unknown"]
    words: str
    spikes: tuple[Spike, ...]


def find_spikes(steps: tuple[StepMetrics, ...]) -> tuple[Spike, ...]:
    """Steps whose gradient norm is more than 5 times the mean of the logged ones among the 100 steps before.

    The first 20 steps are never spikes.
    """
    found = []
    window: deque[tuple[int, float]] = deque()
    for row in steps:
        while window and window[0][0] < row.step - WINDOW:
            window.popleft()
        if not math.isfinite(row.grad_norm):
            continue
        # Summed anew each time: a running sum would not recover from one gradient of 1e30.
        mean = spike([norm for _, norm in window], row.grad_norm, steps=row.step - window[0][0] if window else 0)
        if mean is not None:
            found.append(Spike(step=row.step, grad_norm=row.grad_norm, mean=mean))
        window.append((row.step, row.grad_norm))
    return tuple(found)


def not_numbers(run: Run) -> tuple[int, ...]:
    """The steps at which the loss or the gradient was no number, as logged or as an event says."""
    logged = {row.step for row in run.steps if not_a_number(loss=row.loss, norm=row.grad_norm)}
    return tuple(sorted(logged | {event.step for event in run.events if event.event == "nan"}))


def leaps(run: Run) -> tuple[int, ...]:
    """The steps at which the training saw the loss leap."""
    return tuple(event.step for event in run.events if event.event == "leap")


def judge(run: Run) -> Stability:
    """Stable with fewer than 10 spikes, every loss a number, and none that leapt."""
    if not run.steps:
        return Stability(verdict="unknown", words="Nothing is known of its stability: no step was logged", spikes=())
    spikes, broken, leapt = find_spikes(run.steps), not_numbers(run), leaps(run)
    found = f"{counted(len(spikes), 'spike') if spikes else 'no spike'} in {run.steps[-1].step:,} steps"
    if spikes:
        named = ", ".join(f"{spike.step:,}" for spike in spikes[:_NAMED])
        found += f", at {named}{' and later' if len(spikes) > _NAMED else ''}"
    if broken:
        words = f"Unstable: the loss was no number at step {broken[0]:,}; {found}"
    elif leapt:
        words = f"Unstable: the loss leapt at step {leapt[0]:,}; {found}"
    elif len(spikes) >= MOST_SPIKES:
        words = f"Unstable: {found}; fewer than {MOST_SPIKES} are stable"
    else:
        return Stability(verdict="stable", words=f"Stable: {found}", spikes=spikes)
    return Stability(verdict="unstable", words=words, spikes=spikes)
