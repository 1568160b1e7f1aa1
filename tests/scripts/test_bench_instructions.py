"""The fit of `scripts/bench_instructions`: it finds the costs that made the counts, and none below 0."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tinylm.budget.estimate.instructions import predict
from tinylm.budget.estimate.work import Work

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_instructions"
COSTS = Work(requests=3e5, tokens=2e4, layer_rows=7e2, int8_rows=0.3, top_k_logits=8.0)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("bench_instructions", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # its named tuples look for it
    loader.exec_module(module)
    return module


def works(count: int) -> list[Work]:
    rng = random.Random(0)
    return [
        Work(
            requests=rng.choice((0, 1)),
            tokens=rng.randint(1, 30),
            layer_rows=rng.randint(30, 4000),
            int8_rows=rng.randint(10**5, 10**8),
            heads=rng.randint(1, 500),
            top_k_logits=rng.randint(1000, 240_000),
        )
        for _ in range(count)
    ]


def test_it_finds_the_costs_that_made_the_counts(script: ModuleType) -> None:
    found = script.fit([(work, round(predict(work, COSTS))) for work in works(60)])
    assert found == pytest.approx(COSTS, rel=0.01, abs=1e-2)


def test_no_cost_is_negative(script: ModuleType) -> None:
    """Half of the counts are too small by what their heads would save: that no cost explains."""
    pairs = [(work, round(predict(work, COSTS) - 400 * work.heads)) for work in works(60)]
    found = script.fit(pairs)
    assert found.heads == 0
    assert all(cost >= 0 for cost in found)
