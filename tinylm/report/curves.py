"""Figures over a run: against steps, tokens or time, thinned to what a chart can show without losing its extremes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from tinylm.html.charts import Series
from tinylm.report.run import Run

_LEAST_PACE = 1e-3  # tokens a second: less is a mistake of the clock, and would be years
Points = Sequence[tuple[float, float]]
_BUCKETS = 210
"""About one for every two pixels of a chart's width."""


def seconds(run: Run) -> tuple[float, ...]:
    """For every logged step: the seconds of training until its end, validation and saving left out.

    A step that was not logged counts as long as the next one that was.
    """
    found, total, before = [], 0.0, 0
    for row in run.steps:
        if math.isfinite(row.tokens_per_second) and row.tokens_per_second >= _LEAST_PACE:
            total += (row.step - before) * run.tokens_per_step / row.tokens_per_second
        before = row.step
        found.append(total)
    return tuple(found)


def drawable(points: Points, *, positive: bool = False) -> list[tuple[float, float]]:
    """The points that a chart can show: finite, and above 0 for a logarithmic axis."""
    return [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not positive)]


def thinned(points: Points, *, label: str, buckets: int = _BUCKETS) -> Series:
    """A series of at most `buckets` points: the mean of each bucket of x, with its smallest and largest as the band.

    So a single spike among thousands of steps still reaches its full height. Points are (x, y) with x rising.
    """
    if len(points) <= buckets:
        return Series(label=label, points=tuple(points))
    first, width = points[0][0], (points[-1][0] - points[0][0]) / buckets or 1.0
    line, band = [], []
    for _, group in groupby(points, key=lambda point: min(int((point[0] - first) / width), buckets - 1)):
        xs, ys = zip(*group, strict=True)
        line.append((math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)))
        band.append((min(ys), max(ys)))
    return Series(label=label, points=tuple(line), band=tuple(band), band_label="lowest to highest")


def line(points: Points, *, label: str, buckets: int = _BUCKETS) -> Series:
    """The same without its band, where that would only thicken the line or hide another."""
    return replace(thinned(points, label=label, buckets=buckets), band=(), band_label="")


def train_losses(run: Run) -> tuple[float | None, ...]:
    """For every evaluation: the mean loss of the logged steps since the one before; None where none was finite."""
    found: list[float | None] = []
    place = 0
    for evaluation in run.evaluations:
        losses = []
        while place < len(run.steps) and run.steps[place].step <= evaluation.step:
            if math.isfinite(run.steps[place].loss):
                losses.append(run.steps[place].loss)
            place += 1
        found.append(math.fsum(losses) / len(losses) if losses else None)
    return tuple(found)
