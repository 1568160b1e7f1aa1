"""Steps for the sake of their time, which change nothing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tinylm.base.errors import say
from tinylm.base.progress import ProgressBar
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import optimize


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


def timed_steps(setup: Setup, *, warm_up: int, timed: int, at_least_s: float = 0.0) -> tuple[float, float]:
    """Median seconds of a step after `warm_up` others, and the first step's loss; undone.

    `timed` steps are timed (none: 0 seconds), or more until all together took `at_least_s`.
    """
    times: list[float] = []
    losses: list[float] = []
    with undone(setup), ProgressBar("timing steps", say=say):
        while len(times) < warm_up + timed or sum(times) < at_least_s:
            started = time.perf_counter()
            losses.append(optimize(setup, setup.batches.batch(len(times)), rate=0.0).loss)
            times.append(time.perf_counter() - started)
    return statistics.median(times[warm_up:]) if timed else 0.0, losses[0]
