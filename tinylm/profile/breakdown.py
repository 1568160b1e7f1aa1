"""Calls of many runs added up: microseconds a run by operator and by layer, and what lies outside of operators.

Timing an operator takes time, and part of it falls into what is timed: ONNX Runtime describes a call's inputs and
outputs before it looks at the clock again. That can be more than most operators take (2 us on an x86 server, measured;
a small operator takes 0.3). It is nearly the same for every call, so it can be told apart: it is what must be taken off
every call, where there is as much, for all calls of a step to take together what the same step takes without a trace.
(With something beside its operators in that step, the cost is rather too small than too large.)

What interrupts a process falls on single calls, and one stall of 15 ms among 200 steps would make any operator the most
expensive one. So all means leave the slowest tenth out.

    cost_us = timing_cost_us(runs, mean_us(step_us), layer=layer)
    break_down(runs, tokens=1, cost_us=cost_us, layer=layer, layer_order=names)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tinylm.profile.trace import Call, GraphRun

T = TypeVar("T")
_LEFT_OUT = 0.1


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a kind of operator, or a layer, takes; everything is a mean over the runs."""

    name: str
    calls: float
    """In a run."""
    timed_us: float
    """In a run, as ONNX Runtime timed it, without branches, which are counted on their own."""
    estimated_us: float
    """In a run that is not timed: less the cost of timing each call."""
    share: float
    """Of the estimates of all together: 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Where the time of a run of the graph goes."""

    tokens: int
    """Read by each run: 1 when decoding."""
    runs: int
    """That all means are of: the slowest tenth is left out."""
    run_us: float
    """A whole run while operators are timed, mean."""
    outside_us: float
    """Of it, outside of operators: ONNX Runtime's own work, the trace's part of it too, and what is lost because every
    call's time is rounded down to whole microseconds."""
    operators: tuple[Cost, ...]
    """By falling estimate."""
    layers: tuple[Cost, ...]
    """In the order in which a token passes them."""


def added_up(rows: Sequence[Cost], *, name: str) -> Cost:
    """One of several."""
    return Cost(
        name=name,
        calls=sum(row.calls for row in rows),
        timed_us=sum(row.timed_us for row in rows),
        estimated_us=sum(row.estimated_us for row in rows),
        share=sum(row.share for row in rows),
    )


def without_slowest(items: Sequence[T], time: Callable[[T], float]) -> list[T]:
    """All but the slowest tenth, rounded down, in their order."""
    kept = sorted(range(len(items)), key=lambda place: time(items[place]))[: len(items) - int(len(items) * _LEFT_OUT)]
    return [items[place] for place in sorted(kept)]


def mean_us(times_us: Sequence[float]) -> float:
    """The mean without the slowest tenth; there is at least one time."""
    kept = without_slowest(times_us, lambda time_us: time_us)
    return sum(kept) / len(kept)


def timing_cost_us(runs: Sequence[GraphRun], untraced_us: float, *, layer: Callable[[Call], str]) -> float:
    """What timing adds to each call, from traced runs and the mean microseconds of such a run without one."""
    runs = without_slowest(runs, lambda run: run.total_us)
    calls, timed_us = _parts(runs, layer)
    low, high = 0.0, max((timed_us[key] / calls[key] for key in calls), default=0.0)
    for _ in range(50):  # halved until nothing is left to halve: the estimate falls as the cost grows
        cost_us = (low + high) / 2
        if sum(_estimates(calls, timed_us, cost_us).values()) > untraced_us * len(runs):
            low = cost_us
        else:
            high = cost_us
    return high


def break_down(
    runs: Sequence[GraphRun], *, tokens: int, cost_us: float, layer: Callable[[Call], str], layer_order: Iterable[str]
) -> Breakdown:
    """Means over `runs`, of which there is at least one; layers without a call do not appear."""
    runs = without_slowest(runs, lambda run: run.total_us)
    calls, timed_us = _parts(runs, layer)
    estimated_us = _estimates(calls, timed_us, cost_us)

    whole_us = sum(estimated_us.values()) or 1.0

    def cost(name: str, keys: Sequence[_Key]) -> Cost:
        estimate = sum(estimated_us[key] for key in keys)
        return Cost(
            name=name,
            calls=round(sum(calls[key] for key in keys) / len(runs), 3),
            timed_us=round(sum(timed_us[key] for key in keys) / len(runs), 3),
            estimated_us=round(estimate / len(runs), 3),
            share=round(estimate / whole_us, 5),
        )

    def costs(side: int) -> list[Cost]:
        names = sorted({key[side] for key in calls})
        return [cost(name, [key for key in calls if key[side] == name]) for name in names]

    total_us = sum(run.total_us for run in runs)
    layers = {row.name: row for row in costs(1)}
    return Breakdown(
        tokens=tokens,
        runs=len(runs),
        run_us=round(total_us / len(runs), 3),
        outside_us=round((total_us - sum(timed_us.values())) / len(runs), 3),
        operators=tuple(sorted(costs(0), key=lambda row: (-row.estimated_us, -row.timed_us, row.name))),
        layers=tuple(layers[name] for name in layer_order if name in layers),
    )


_Key = tuple[str, str]
"""Operator and layer. Costs are taken off these parts, so that operators and layers add up to the same."""


def _parts(runs: Sequence[GraphRun], layer: Callable[[Call], str]) -> tuple[dict[_Key, int], dict[_Key, int]]:
    """How many calls, and their microseconds, in all runs."""
    calls: defaultdict[_Key, int] = defaultdict(int)
    timed_us: defaultdict[_Key, int] = defaultdict(int)
    for run in runs:
        for call in run.calls:
            key = call.op, layer(call)
            calls[key] += 1
            timed_us[key] += call.own_us
    return calls, timed_us


def _estimates(calls: dict[_Key, int], timed_us: dict[_Key, int], cost_us: float) -> dict[_Key, float]:
    return {key: max(0.0, timed_us[key] - calls[key] * cost_us) for key in calls}
