"""ONNX Runtime's trace, from a small one written by hand, and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.profile.trace import read_trace

Event = dict[str, Any]


def node(op: str, index: int, start: int, took: int) -> Event:
    arguments = {"op_name": op, "node_index": str(index), "provider": "CPUExecutionProvider"}
    return {"cat": "Node", "name": f"{op}_{index}_kernel_time", "ts": start, "dur": took, "args": arguments}


def session(name: str, start: int, took: int) -> Event:
    return {"cat": "Session", "pid": 1, "tid": 1, "ph": "X", "name": name, "ts": start, "dur": took, "args": {}}


def a_run(start: int) -> list[Event]:
    """100 us: an embedding, a layer's two products, a head, and a choice with a choice in its branch; 17 us between."""
    return [
        node("Gather", 0, start + 2, 5),
        node("MatMul", 1, start + 10, 20),
        node("MatMul", 2, start + 32, 10),
        node("MatMul", 3, start + 44, 15),
        node("Gather", 0, start + 63, 2),  # in the outer branch
        node("TopK", 0, start + 70, 12),  # in the inner branch
        session("SequentialExecutor::Execute", start + 69, 14),
        node("If", 1, start + 68, 17),
        session("SequentialExecutor::Execute", start + 62, 24),
        node("If", 4, start + 61, 28),
        node("FusedOp", 90, start + 90, 5),
        session("SequentialExecutor::Execute", start + 1, 96),
        session("model_run", start, 100),
    ]


WriteTrace = Callable[[list[Event]], Path]


@pytest.fixture
def write_trace(tmp_path: Path) -> WriteTrace:
    """Write events as ONNX Runtime does: a list, an event a line."""

    def write(events: list[Event]) -> Path:
        path = tmp_path / "operators_2026.json"
        path.write_text("[\n" + ",\n".join(json.dumps(event) for event in events) + "\n]\n", encoding="utf-8")
        return path

    return write


def test_calls_have_their_own_time_and_the_node_around_them(write_trace: WriteTrace) -> None:
    before = [session("model_loading_uri", 0, 900), session("session_initialization", 901, 50)]
    runs = read_trace(write_trace([*before, *a_run(1000), *a_run(2000)]))
    assert [run.total_us for run in runs] == [100, 100]
    assert [(call.op, call.own_us, call.node, call.node_op) for call in runs[1].calls] == [
        ("Gather", 5, 0, "Gather"),
        ("MatMul", 20, 1, "MatMul"),
        ("MatMul", 10, 2, "MatMul"),
        ("MatMul", 15, 3, "MatMul"),
        ("If", 4, 4, "If"),  # 28, of which its branch took 24
        ("Gather", 2, 4, "If"),
        ("If", 3, 4, "If"),
        ("TopK", 12, 4, "If"),
        ("FusedOp", 5, 90, "FusedOp"),
    ]


def test_other_events_are_passed_over(write_trace: WriteTrace) -> None:
    events = [node("Mul", 0, 5, 3) | {"name": "Mul_0_fence_before"}, {"cat": "Kernel"}, session("model_run", 0, 9)]
    (run,) = read_trace(write_trace(events))
    assert run.calls == ()


def test_an_empty_trace_has_no_runs(write_trace: WriteTrace, tmp_path: Path) -> None:
    assert read_trace(write_trace([])) == ()
    # Without lines, and with a comma at the end, as older versions write it.
    file = tmp_path / "compact.json"
    file.write_text("[" + json.dumps(node("Mul", 0, 5, 3)) + "," + json.dumps(session("model_run", 0, 9)) + ",]")
    assert [len(run.calls) for run in read_trace(file)] == [1]


def test_a_sum_of_rounded_times_is_never_below_zero(write_trace: WriteTrace) -> None:
    events = [node("Add", 0, 10, 5), session("SequentialExecutor::Execute", 10, 5), node("If", 0, 10, 4)]
    (run,) = read_trace(write_trace([*events, session("model_run", 9, 8)]))
    assert [(call.op, call.own_us) for call in run.calls] == [("If", 0), ("Add", 5)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[",
        "[1]",
        "[" + json.dumps(node("Mul", 0, 5, 3)),
        "[" * 100_000,
        json.dumps([session("model_run", 0, 9) | {"dur": -1}]),
        json.dumps([session("model_run", 0, 9) | {"dur": 1.5}]),
        json.dumps([node("Mul", 0, 5, 3) | {"ts": None}]),
        json.dumps([node("Mul", 0, 5, 3) | {"args": []}]),
        json.dumps([node("Mul", 0, 5, 3) | {"args": {"op_name": 3}}]),
        json.dumps([node("Mul", 0, 5, 3) | {"args": {"op_name": "Mul", "node_index": "x"}}]),
    ],
)
def test_damaged_traces_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "trace.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TinylmError, match="operator times are unusable"):
        read_trace(file)


def test_a_trace_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    with pytest.raises(TinylmError, match="unusable"):
        read_trace(file)
    file.write_bytes(b"\xff\xfe[")
    with pytest.raises(TinylmError, match="unusable"):
        read_trace(file)
