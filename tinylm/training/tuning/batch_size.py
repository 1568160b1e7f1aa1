"""`--batch-size auto`: the power of two that trains the most tokens a second and fits in memory, decided once.

It maximises speed, not learning: a smaller batch takes more steps over the same text. The decision is recorded in the
run's `config.toml`, so that a resumed run never decides again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tinylm.base.errors import TinylmError
from tinylm.dataset.build import Dataset
from tinylm.settings.run import RunConfig
from tinylm.training.guards.memory import available_memory_mb, estimate_memory
from tinylm.training.step.setup import set_up
from tinylm.training.tuning.trial import timed_steps

MEMORY_SHARE = 0.8
"""Of the available memory: other programs grow too."""
_SMALLEST, _LARGEST = 4, 1024
_WARM_UP_STEPS, _TIMED_STEPS = 1, 3
_WORTH = 1.03
"""A batch of twice the size must be so much faster; less is noise, and steps are worth more."""


def decide_batch_size(config: RunConfig, dataset: Dataset, *, say: Callable[[str], None]) -> RunConfig:
    """`config` with the batch size that was found; TinylmError when not even the smallest fits."""
    parts = config.training.accumulation_steps
    best, best_pace, batch_size = None, 0.0, _smallest(parts)
    while batch_size <= _LARGEST:
        training = dataclasses.replace(config.training, batch_size=batch_size, batch_size_auto="decided")
        tried = dataclasses.replace(config, training=training)
        setup = set_up(tried, dataset)
        needed, room = estimate_memory(setup, batch_size=batch_size).total_mb, available_memory_mb(setup) * MEMORY_SHARE
        if needed > room:
            say(f"batch size {batch_size}: about {needed:,.0f} MB are needed, and {room:,.0f} MB may be used")
            break
        with setup.batches:
            seconds, _ = timed_steps(setup, warm_up=_WARM_UP_STEPS, timed=_TIMED_STEPS)
        pace = batch_size * config.model.context_length / seconds
        say(f"batch size {batch_size}: {pace:,.0f} tokens/s, about {needed:,.0f} MB")
        if pace < best_pace * _WORTH:
            say(f"not {_WORTH - 1:.0%} faster than half of it, and smaller batches take more steps in the same time")
            break
        best, best_pace, batch_size = tried, pace, 2 * batch_size
    if best is None:
        raise TinylmError(
            f"a batch of {batch_size} sequences does not fit in memory",
            "give a smaller --batch-size, or --max-seq-length",
        )
    say(f"batch size {best.training.batch_size} from now on")
    return best


def _smallest(parts: int) -> int:
    """The first size to try; TinylmError when no power of two splits into `parts`."""
    if parts & (parts - 1):
        raise TinylmError(
            f"--batch-size auto takes powers of two, which do not split into {parts} parts",
            "use --accumulation-steps 1, 2, 4, ...",
        )
    return max(_SMALLEST, parts)
