"""Several runs against one another: which settings differ, and which run is best at what.

A figure has a best run only where it means the same for all. Bits per byte need the same validation text, whatever the
tokenizers; losses and perplexities, which are per token, need the same tokens.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.report.figures import Figures
from tinylm.report.origin import settings
from tinylm.report.run import Run

MOST_RUNS = 12
"""More lines than that have no colour and dash of their own."""


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """What sets the runs apart; all lists have the runs' order."""

    differences: dict[str, tuple[str, ...]]
    """Settings that differ, by dotted name."""
    best: dict[str, int]
    """By name of the figure: the place of the best run. Ties have none."""
    same_data: bool | None
    """They are validated on the same text, whatever their tokenizers; None where that cannot be told."""
    same_tokens: bool
    """And by the same tokenizer."""

    @property
    def note(self) -> str:
        """What does not compare; empty when everything does."""
        if self.same_data is None:
            return (
                "Whether these runs have the same validation text cannot be told, because the dataset of one is not"
                " here: their losses and bits per byte may say nothing about one another."
            )
        if not self.same_data:
            return "These runs have different data: their losses and bits per byte say nothing about one another."
        if not self.same_tokens:
            return (
                "These runs have the same data and different tokenizers: bits per byte compare; losses and perplexities"
                " are per token and do not."
            )
        return ""


Need = Literal["nothing", "same data", "same tokens"]


@dataclass(frozen=True)
class _Criterion:
    name: str
    value: Callable[[Figures], float | None]
    needs: Need = "nothing"
    higher: bool = False
    margin: float = 0.0
    """Share by which the second must be worse; with less, no run is best."""


_NOISE = 0.02  # of speed and memory from one start to the next
_CRITERIA = (
    _Criterion("bits per byte, all", lambda figures: figures.best_val_bpb.get("all"), needs="same data"),
    _Criterion("best validation loss", lambda figures: figures.best_val_loss, needs="same tokens"),
    _Criterion("final validation loss", lambda figures: figures.final_val_loss, needs="same tokens"),
    _Criterion("tokens a second, median", lambda figures: figures.tokens_per_second, higher=True, margin=_NOISE),
    _Criterion("peak memory, MB", lambda figures: figures.peak_memory_mb, margin=_NOISE),
    _Criterion("spikes", lambda figures: figures.spikes),
)


def compare(runs: Sequence[Run], figures: Sequence[Figures]) -> RunComparison:
    """TinylmError for fewer than two runs or more than can be told apart."""
    if not 2 <= len(runs) <= MOST_RUNS:
        raise TinylmError(
            f"{len(runs)} runs cannot be compared; 2 to {MOST_RUNS} can", "name other folders such as `runs/NAME`"
        )
    table = [settings(run.config) for run in runs]
    names = list(dict.fromkeys(name for row in table for name in row))
    values = {name: tuple(row.get(name, "not set") for row in table) for name in names}
    same_dataset = _same([run.config.dataset for run in runs])
    same_data = same_dataset or _same([run.validation_text for run in runs])
    same_tokens = bool(same_dataset or (same_data and _same([run.validation_tokens for run in runs])))
    holds: dict[Need, bool] = {"nothing": True, "same data": same_data is True, "same tokens": same_tokens}
    best = {}
    for criterion in _CRITERIA:
        found = [criterion.value(one) for one in figures]
        known = [value for value in found if value is not None]
        if len(known) < len(found) or not holds[criterion.needs]:
            continue
        winner, second = sorted(known, reverse=criterion.higher)[:2]
        if abs(winner - second) > criterion.margin * abs(winner):
            best[criterion.name] = known.index(winner)
    return RunComparison(
        differences={name: row for name, row in values.items() if len(set(row)) > 1},
        best=best,
        same_data=same_data,
        same_tokens=same_tokens,
    )


def _same(hashes: Sequence[Hashable | None]) -> bool | None:
    """Whether all are one; None when those that are known are one, and others are not known."""
    if len(known := {found for found in hashes if found is not None}) > 1:
        return False
    return True if known and None not in hashes else None


def named_apart(runs: Sequence[Run], folders: Sequence[str]) -> list[Run]:
    """The runs, those of the same name under their folder's."""
    names = [run.name for run in runs]
    return [
        dataclasses.replace(run, name=folder) if names.count(run.name) > 1 else run
        for run, folder in zip(runs, folders, strict=True)
    ]


def clipping_pair(runs: Sequence[Run]) -> tuple[Run, Run]:
    """(with clipping, without it) of two runs; TinylmError when they are not one of each."""
    clips = [run.config.training.grad_clip for run in runs]
    if len(runs) != 2 or (clips[0] is None) == (clips[1] is None):
        given = ", ".join("none" if clip is None else f"{clip:g}" for clip in clips)
        raise TinylmError(
            f"--clipping compares a run with gradient clipping to one without; the clip lengths here are {given}",
            "train the same once more with --grad-clip 0, or --grad-clip 1, and name both runs",
        )
    return (runs[1], runs[0]) if clips[0] is None else (runs[0], runs[1])
