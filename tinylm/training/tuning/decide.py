"""What a plan leaves to be measured on the run's own model: the batch size, whether to compile, how many steps.

Each is measured once and recorded with the plan, so that a resumed run does not measure again.
"""

from __future__ import annotations

import dataclasses
import math
import time

from tinylm.base.errors import TinylmError, say
from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import Facts, Measurements, TrainingPlan, plan
from tinylm.settings.run import RunRequest
from tinylm.training.allocator import keep_freed_memory
from tinylm.training.device import use_physical_cores
from tinylm.training.guards.memory import available_memory_mb, estimate_memory
from tinylm.training.run.progress import Progress
from tinylm.training.step.setup import Setup, set_up
from tinylm.training.step.step import timed_steps
from tinylm.training.tuning.compilation import decide_compilation

MEMORY_SHARE = 0.8
"""Of the available memory that a measured batch size may need: other programs grow too."""
_SMALLEST_BATCH, _LARGEST_BATCH = 4, 1024
_FASTER = 1.03
"""A batch of twice the size must be so much faster; less is noise, and steps are worth more."""
_TIMED_SHARE, _LONGEST_TIMED_SHARE = 0.02, 0.1
"""Of `minutes`, for timing steps: a busy moment must not decide the length of the whole run, nor slow steps take it."""
_FEW_STEPS = 50
"""A model that takes fewer steps has learned next to nothing."""
_EVALUATION_SHARE = 0.06
"""Of `minutes`, for validation, samples and checkpoints."""


def decide(
    request: RunRequest, facts: Facts, measured: Measurements, dataset: Dataset, progress: Progress
) -> tuple[Setup, int]:
    """What the run at `progress` works on, with its final plan, and the steps of the whole run.

    `measured` is what the run has recorded. Nothing is compiled for a run that is seen to be finished without timing.
    """
    keep_freed_memory()
    use_physical_cores()
    started = time.perf_counter()
    if request.training.batch_size is None and measured.batch_size is None:
        measured = dataclasses.replace(measured, batch_size=fastest_batch_size(request, facts, dataset))
    spent = time.perf_counter() - started
    setup = set_up(plan(request, facts, measured), dataset)
    per_epoch = setup.batches.steps_per_epoch
    total = planned_steps(setup.training, per_epoch)
    if total is None or not progress.is_finished(total):
        started = time.perf_counter()
        measured = dataclasses.replace(measured, compiled=decide_compilation(setup, done=progress.step))
        spent += time.perf_counter() - started
    if total is None:
        total = progress.step + steps_in_time(setup, spent=spent)
        measured = dataclasses.replace(measured, total_steps=total, epochs=math.ceil(total / per_epoch))
    return dataclasses.replace(setup, plan=plan(request, facts, measured)), total


def planned_steps(training: TrainingPlan, per_epoch: int) -> int | None:
    """The steps of the whole run; None while `minutes` have not been turned into steps."""
    if training.total_steps is None and training.minutes is None:
        return training.epochs * per_epoch
    return training.total_steps


def steps_in_time(setup: Setup, *, spent: float) -> int:
    """How many steps `minutes` have room for, of which `spent` seconds are gone."""
    minutes = setup.training.minutes
    assert minutes is not None
    timing = _TIMED_SHARE * minutes * 60
    say(f"timing steps for --minutes, about {max(1, round(timing))} s")
    started = time.perf_counter()
    seconds, _ = timed_steps(
        setup, warm_up=2, timed=8, at_least_s=timing, at_most_s=_LONGEST_TIMED_SHARE * minutes * 60
    )
    spent += max(timing, time.perf_counter() - started)
    steps = max(1, int((minutes * 60 * (1 - _EVALUATION_SHARE) - spent) / seconds))
    if steps < _FEW_STEPS:
        say(
            f"--minutes {minutes:g} has room for {steps} steps, and text that reads takes hundreds: a step takes "
            f"{seconds:.1f} s here, and timing took {spent:.0f} s. Give more minutes, or stop what else runs"
        )
    return steps


def fastest_batch_size(request: RunRequest, facts: Facts, dataset: Dataset) -> int:
    """The power of two that trains the most tokens a second and fits in memory; TinylmError when none fits.

    It maximises speed, not learning: a smaller batch takes more steps over the same text.
    """
    parts = request.training.accumulation_steps
    if parts & (parts - 1):
        raise TinylmError(
            f"--batch-size auto takes powers of two, which do not split into {parts} parts",
            "use --accumulation-steps 1, 2, 4, ...",
        )
    best, best_pace, size = 0, 0.0, max(_SMALLEST_BATCH, parts)
    while size <= _LARGEST_BATCH:
        setup = set_up(plan(request, facts, Measurements(batch_size=size)), dataset)
        needed, room = estimate_memory(setup, batch_size=size).total_mb, available_memory_mb(setup) * MEMORY_SHARE
        if needed > room:
            say(f"batch size {size}: about {needed:,.0f} MB are needed, and {room:,.0f} MB may be used")
            break
        with setup.batches:
            seconds, _ = timed_steps(setup, warm_up=1, timed=3)
        pace = size * setup.plan.model.context_length / seconds
        say(f"batch size {size}: {pace:,.0f} tokens/s, about {needed:,.0f} MB")
        if pace < best_pace * _FASTER:
            say(f"not {_FASTER - 1:.0%} faster than half of it, and smaller batches take more steps in the same time")
            break
        best, best_pace, size = size, pace, 2 * size
    if not best:
        raise TinylmError(
            f"a batch of {size} sequences does not fit in memory", "give a smaller --batch-size, or --max-seq-length"
        )
    say(f"batch size {best} from now on")
    return best
