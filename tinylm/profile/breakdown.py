"""Calls of many runs added up: microseconds a run by operator and by layer, and what lies outside of operators.

Timing an operator takes time, and part of it falls into what is timed: ONNX Runtime describes a call's inputs and
outputs before it looks at the clock again. On a fast processor that is more than most operators take. The cost is
nearly the same for every call, so it can be told apart:

    cost of a call = (all calls of a traced step - a step that is not traced) / number of calls      at least 0
    estimate       = timed - calls x cost                                                            at least 0

A step without a trace has all its operators and something else in it, so the cost is rather too small than too large.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tinylm.profile.trace import Call, Run


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind of operator, or a layer; everything is a mean over the runs."""

    name: str
    calls: float
    """In a run."""
    timed_us: float
    """In a run, as ONNX Runtime timed it, without branches, which have rows of their own."""
    estimated_us: float
    """In a run that is not timed: less the cost of timing each call."""
    share: float
    """Of the estimates of all rows together: 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Where the time of a run of the graph goes."""

    tokens: int
    """Read by each run: 1 when decoding."""
    runs: int
    run_us: float
    """A whole run while operators are timed, mean."""
    outside_us: float
    """Of it, outside of operators: ONNX Runtime's own work, most of it for the trace, and what is lost because every
    call's time is rounded down to whole microseconds."""
    operators: tuple[Row, ...]
    """By falling estimate."""
    layers: tuple[Row, ...]
    """In the order in which a token passes them."""


def added_up(rows: Sequence[Row], *, name: str) -> Row:
    """One row of several."""
    return Row(
        name=name,
        calls=sum(row.calls for row in rows),
        timed_us=sum(row.timed_us for row in rows),
        estimated_us=sum(row.estimated_us for row in rows),
        share=sum(row.share for row in rows),
    )


def timing_cost_us(runs: Sequence[Run], untraced_us: float) -> float:
    """What timing adds to each call, from traced runs and the mean microseconds of such a run without a trace."""
    calls = sum(len(run.calls) for run in runs)
    if not calls:
        return 0.0
    timed_us = sum(call.own_us for run in runs for call in run.calls)
    return max(0.0, (timed_us - untraced_us * len(runs)) / calls)


def break_down(
    runs: Sequence[Run], *, tokens: int, cost_us: float, layer: Callable[[Call], str], layer_order: Iterable[str]
) -> Breakdown:
    """Means over `runs`, of which there is at least one; layers without a call are left out."""
    calls: defaultdict[tuple[str, str], int] = defaultdict(int)
    timed_us: defaultdict[tuple[str, str], int] = defaultdict(int)
    for run in runs:
        for call in run.calls:
            calls[call.op, layer(call)] += 1
            timed_us[call.op, layer(call)] += call.own_us
    # Of the smallest parts, so that operators and layers add up to the same.
    estimated_us = {key: max(0.0, timed_us[key] - calls[key] * cost_us) for key in calls}

    def rows(side: int) -> list[Row]:
        names = sorted({key[side] for key in calls})
        return [
            Row(
                name=name,
                calls=round(sum(calls[key] for key in calls if key[side] == name) / len(runs), 3),
                timed_us=round(sum(timed_us[key] for key in calls if key[side] == name) / len(runs), 3),
                estimated_us=round(sum(estimated_us[key] for key in calls if key[side] == name) / len(runs), 3),
                share=round(
                    sum(estimated_us[key] for key in calls if key[side] == name) / (sum(estimated_us.values()) or 1.0),
                    5,
                ),
            )
            for name in names
        ]

    total_us = sum(run.total_us for run in runs)
    layers = {row.name: row for row in rows(1)}
    return Breakdown(
        tokens=tokens,
        runs=len(runs),
        run_us=round(total_us / len(runs), 3),
        outside_us=round((total_us - sum(timed_us.values())) / len(runs), 3),
        operators=tuple(sorted(rows(0), key=lambda row: (-row.estimated_us, -row.timed_us, row.name))),
        layers=tuple(layers[name] for name in layer_order if name in layers),
    )
