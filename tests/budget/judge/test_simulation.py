"""The promise of a certified p95, kept on thousands of synthetic devices, stopping early included."""

from __future__ import annotations

import dataclasses
import io
import math
import random

import pytest
from rich.console import Console

from tinylm.budget.formats.table import print_simulation
from tinylm.budget.judge.simulation import DRIFTING, KINDS, UNSEEN, simulate, simulated
from tinylm.budget.spec.budget import Confidence, load_budget

BUDGET = load_budget("pi-zero-2w")
DEVICES = 1000
STEADY = [kind for kind in KINDS if kind not in (*DRIFTING, *UNSEEN)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in DRIFTING])
def test_the_shapes_have_their_p95_at_the_limit(kind: str) -> None:
    rng, shape = random.Random(5), KINDS[kind]
    n = 100_000
    over = sum(shape.draw(rng) * shape.process(rng) > 1 for _ in range(n)) / n
    # Four standard errors of a share of 5 %.
    assert over == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / n))


@pytest.mark.parametrize("kind", STEADY)
def test_at_the_limit_a_verdict_is_as_rare_as_declared(kind: str) -> None:
    found = simulate(BUDGET, kind=kind, ratio=1.0, devices=DEVICES, seed=1)
    slack = 4 * math.sqrt(0.05 * 0.95 / DEVICES)  # four standard errors
    assert found.passed / DEVICES <= 0.05 + slack
    assert found.failed / DEVICES <= 0.05 + slack
    if "luck" not in kind:  # that is covered with a margin
        # And not by never deciding: the boundaries use the error that they are given.
        assert found.passed > 0.02 * DEVICES
        assert found.void < 0.03 * DEVICES


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_other_levels_and_looks(level: float) -> None:
    confidence = Confidence(level=level, looks=(150, 200, 250, 300), processes=5)
    budget = dataclasses.replace(BUDGET, confidence=confidence)
    found = simulate(budget, kind="heavy tail", ratio=1.0, devices=DEVICES, seed=2)
    slack = 4 * math.sqrt((1 - level) * level / DEVICES)
    assert found.passed / DEVICES <= 1 - level + slack
    assert found.failed / DEVICES <= 1 - level + slack


@pytest.mark.parametrize(
    ("kind", "better", "worse"), [("even", 0.9, 1.1), ("bimodal", 0.9, 1.1), ("heavy tail", 0.5, 2)]
)
def test_away_from_the_limit_it_decides_and_is_right(kind: str, better: float, worse: float) -> None:
    fast = simulate(BUDGET, kind=kind, ratio=better, devices=300, seed=3)
    slow = simulate(BUDGET, kind=kind, ratio=worse, devices=300, seed=3)
    assert (fast.failed, slow.passed) == (0, 0)
    assert fast.passed > 0.8 * 300
    assert slow.failed > 0.8 * 300


@pytest.mark.parametrize("kind", DRIFTING)
@pytest.mark.parametrize("ratio", [0.8, 1.0])
def test_what_drifts_is_void(kind: str, ratio: float) -> None:
    found = simulate(BUDGET, kind=kind, ratio=ratio, devices=200, seed=4)
    assert found.void >= 0.99 * 200
    assert found.passed == 0


def test_a_seed_repeats() -> None:
    assert simulate(BUDGET, kind="even", ratio=1.0, devices=20, seed=7) == simulate(
        BUDGET, kind="even", ratio=1.0, devices=20, seed=7
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits(width: int) -> None:
    output = io.StringIO()
    rows = simulated(BUDGET, devices=2, seed=0, announce=len)
    print_simulation(BUDGET, rows, Console(file=output, width=width, highlight=False))
    assert max(map(len, output.getvalue().splitlines())) <= width
    assert all(kind in output.getvalue() for kind in KINDS)
    assert "…" not in output.getvalue()
    assert "100.0 %" in output.getvalue()
