"""Calls added up by operator and by layer, and what timing them costs."""

from __future__ import annotations

import pytest

from tinylm.profile.breakdown import Breakdown, break_down, mean_us, timing_cost_us, without_slowest
from tinylm.profile.trace import Call, GraphRun

LAYERS = {0: "embedding", 1: "layer 0", 2: "layer 0", 3: "head", 4: "sampler"}
ORDER = ("embedding", "layer 0", "head", "sampler", "other")


def call(op: str, own_us: int, node: int) -> Call:
    return Call(op=op, own_us=own_us, node=node, node_op=op if node < 4 else "If")


A_RUN = GraphRun(
    total_us=100,
    calls=(
        call("Gather", 5, 0),
        call("MatMul", 20, 1),
        call("MatMul", 10, 2),
        call("MatMul", 15, 3),
        call("If", 4, 4),
        call("Gather", 2, 4),
        call("If", 3, 4),
        call("TopK", 12, 4),
        call("FusedOp", 5, 90),
    ),
)


@pytest.fixture
def runs() -> tuple[GraphRun, ...]:
    return (A_RUN, A_RUN)


def layer(call: Call) -> str:
    return LAYERS.get(call.node, "other")


def broken_down(runs: tuple[GraphRun, ...], cost_us: float) -> Breakdown:
    return break_down(runs, tokens=1, cost_us=cost_us, layer=layer, layer_order=ORDER)


def test_rows_are_means_over_runs(runs: tuple[GraphRun, ...]) -> None:
    found = broken_down(runs, cost_us=0)
    assert (found.runs, found.run_us, found.outside_us) == (2, 100, 24)
    assert [(row.name, row.calls, row.timed_us, row.estimated_us) for row in found.operators] == [
        ("MatMul", 3, 45, 45),
        ("TopK", 1, 12, 12),
        ("Gather", 2, 7, 7),
        ("If", 2, 7, 7),
        ("FusedOp", 1, 5, 5),
    ]
    assert [(row.name, row.calls, row.timed_us) for row in found.layers] == [
        ("embedding", 1, 5),
        ("layer 0", 2, 30),
        ("head", 1, 15),
        ("sampler", 4, 21),
        ("other", 1, 5),
    ]
    for rows in (found.operators, found.layers):
        assert sum(row.share for row in rows) == pytest.approx(1, abs=1e-4)
        assert sum(row.timed_us for row in rows) + found.outside_us == found.run_us
    assert found.layers[4].share == pytest.approx(5 / 76, abs=1e-5)


def test_the_cost_of_timing_brings_a_step_to_what_it_takes_without(runs: tuple[GraphRun, ...]) -> None:
    assert timing_cost_us(runs, 58, layer=layer) == pytest.approx((76 - 58) / 9)
    assert timing_cost_us(runs, 500, layer=layer) == pytest.approx(0)  # a step with much beside its operators
    assert timing_cost_us((GraphRun(total_us=5, calls=()),), 1, layer=layer) == 0
    # So much that some parts have nothing left: the others bear the rest.
    for untraced_us in (40, 20, 5):
        found = broken_down(runs, timing_cost_us(runs, untraced_us, layer=layer))
        assert sum(row.estimated_us for row in found.operators) == pytest.approx(untraced_us, abs=0.01)
        assert sum(row.estimated_us for row in found.layers) == pytest.approx(untraced_us, abs=0.01)


def test_one_stall_changes_nothing(runs: tuple[GraphRun, ...]) -> None:
    stalled = GraphRun(total_us=15_100, calls=(*A_RUN.calls[:-1], call("FusedOp", 15_005, 90)))
    assert broken_down((*runs * 5, stalled), cost_us=1).operators == broken_down(runs, cost_us=1).operators
    assert timing_cost_us((stalled, *runs * 5), 58, layer=layer) == pytest.approx(2)
    assert mean_us([1.0] * 9 + [1000.0]) == 1
    assert mean_us([3.0]) == 3
    assert without_slowest([5, 1, 9, 2, 2, 2, 2, 2, 2, 2], float) == [5, 1, 2, 2, 2, 2, 2, 2, 2]


def test_estimates_leave_the_cost_out_and_stay_above_zero(runs: tuple[GraphRun, ...]) -> None:
    found = broken_down(runs, cost_us=3)
    estimates = {row.name: row.estimated_us for row in found.operators}
    # Of the two calls of If, 4 and 3 us and both the sampler's, 1 us is left; of Gather's, only the embedding's 5 - 3.
    assert estimates == {"MatMul": 36, "TopK": 9, "Gather": 2, "If": 1, "FusedOp": 2}
    assert {row.name: row.estimated_us for row in found.layers} == {
        "embedding": 2,
        "layer 0": 24,
        "head": 12,
        "sampler": 10,
        "other": 2,
    }


def test_nothing_but_the_cost_has_no_shares() -> None:
    found = broken_down((GraphRun(total_us=2, calls=(call("Mul", 1, 0),)),), cost_us=5)
    assert found.operators[0].share == 0
