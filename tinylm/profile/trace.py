"""ONNX Runtime's file of operator times, read as runs of the graph and the calls in each.

The file is Chrome's trace format: a JSON list of events, written as they end, times in whole microseconds:

    {"cat": "Node", "name": "Mul_4_kernel_time", "ts": 27021, "dur": 2, "args": {"op_name": "Mul", "node_index": "4"}}
    {"cat": "Session", "name": "SequentialExecutor::Execute", "ts": 27005, "dur": 440}
    {"cat": "Session", "name": "model_run", "ts": 27000, "dur": 447}

What lies inside of an event stands before it: the calls of a graph before its `Execute`, the `Execute` of a branch
before the node that took it (`If`), all before the run's `model_run`. Here every call has its own time only: what an
`If` does beside its branch. What is between the calls, in the graph or in a branch, counts for none of them. A call in
a branch names the node around all of it.

https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/common/profiler.cc
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError

_WITH_BRANCHES = {"If", "Loop", "Scan"}
_LAST_COMMA = re.compile(r",\s*\]\s*$")  # as older versions write it
_CALL, _RUN, _GRAPH = "_kernel_time", "model_run", "SequentialExecutor::Execute"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operator of one run."""

    op: str
    own_us: int
    """Without its branches."""
    node: int
    """Its place among the nodes of the graph; for a call in a branch, the place of the outermost node around it."""
    node_op: str
    """The operator of that node."""


@dataclass(frozen=True, kw_only=True)
class GraphRun:
    """One run of the graph."""

    total_us: int
    """Of the session, what is between its operators included."""
    calls: tuple[Call, ...]


def read_trace(path: Path) -> tuple[GraphRun, ...]:
    """The runs in the file, in order; TinylmError when it is not such a file."""
    runs: list[GraphRun] = []
    ended: list[_Event] = []

    def take(data: dict[str, Any]) -> dict[str, Any] | None:
        """Called with every object as it ends. Events are let go of: a long trace would not fit a small board."""
        category, name = data.get("cat"), data.get("name")
        if category is None:  # the arguments of an event
            return data
        if category == "Session" and name == _RUN:
            runs.append(GraphRun(total_us=_whole(data, "dur"), calls=tuple(_calls(ended, None))))
            ended.clear()
        elif category == "Session" and name == _GRAPH:
            ended.append(_around(_Event("", -1, _whole(data, "ts"), _whole(data, "dur"), []), ended))
        elif category == "Node" and isinstance(name, str) and name.endswith(_CALL):
            event = _call(data)
            ended.append(_around(event, ended) if event.op in _WITH_BRANCHES else event)
        return None

    try:
        text = _LAST_COMMA.sub("]", path.read_text(encoding="utf-8"))
        events = json.loads(text, object_hook=take)
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(str(error)) from error
    if not isinstance(events, list) or not all(event is None or isinstance(event, dict) for event in events):
        raise _unusable("it is no list of events")
    return tuple(runs)


@dataclass
class _Event:
    op: str
    """Empty for a graph as a whole."""
    node: int
    start_us: int
    took_us: int
    inner: list[_Event]


def _around(event: _Event, ended: list[_Event]) -> _Event:
    """Move into `event` what ended before it and began after it began."""
    while ended and ended[-1].start_us >= event.start_us:
        event.inner.append(ended.pop())
    event.inner.reverse()
    return event


def _calls(events: list[_Event], outermost: _Event | None) -> Iterator[Call]:
    for event in events:
        if event.op:
            node = outermost or event
            # Each time is rounded down by itself, so that a sum may be a little more than what holds it.
            own_us = max(0, event.took_us - sum(inner.took_us for inner in event.inner))
            yield Call(op=event.op, own_us=own_us, node=node.node, node_op=node.op)
            yield from _calls(event.inner, node)
        else:
            yield from _calls(event.inner, outermost)


def _call(data: dict[str, Any]) -> _Event:
    arguments = data.get("args")
    if not isinstance(arguments, dict) or not isinstance(arguments.get("op_name"), str):
        raise _unusable("a call has no operator")
    try:
        node = int(arguments.get("node_index", -1))
    except (TypeError, ValueError) as error:
        raise _unusable(f"a call has the node {arguments.get('node_index')!r}") from error
    return _Event(arguments["op_name"], node, _whole(data, "ts"), _whole(data, "dur"), [])


def _whole(data: dict[str, Any], key: str) -> int:
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _unusable(f"an event has the {key} {value!r}")
    return value


def _unusable(why: str) -> TinylmError:
    return TinylmError(
        f"ONNX Runtime's operator times are unusable: {why[:200]}",
        "is this version of onnxruntime newer than this tinylm? Please report it",
        exit_code=1,
    )
