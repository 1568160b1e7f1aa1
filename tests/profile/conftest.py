"""A report to look at, without a measurement."""

from __future__ import annotations

import dataclasses

import pytest
from sample_machines import ZERO

from tinylm.budget.report import BundleId
from tinylm.profile.breakdown import Breakdown, Cost
from tinylm.profile.profile import SCHEMA, LengthTimings, Profile, Summary


def summary(value: float, n: int = 30) -> Summary:
    return Summary(n=n, mean=value, p50=value, p95=2 * value, p99=3 * value)


def rows(*given: tuple[str, float, float]) -> tuple[Cost, ...]:
    whole = sum(us for _, _, us in given)
    return tuple(
        Cost(name=name, calls=calls, timed_us=us + 2 * calls, estimated_us=us, share=us / whole)
        for name, calls, us in given
    )


@pytest.fixture
def report() -> Profile:
    layers = rows(("embedding", 5, 1.25), ("layer 0", 14, 30.5), ("head", 4, 40), ("sampler", 50, 28.25))
    small = [(f"Small{place}", 1.0, 0.25) for place in range(12)]
    operators = rows(("SkipSimplifiedLayerNormalization", 12, 57), ("MatMul", 9, 40), *small)
    breakdown = Breakdown(tokens=1, runs=200, run_us=500, outside_us=120, operators=operators, layers=layers)
    return Profile(
        schema=SCHEMA,
        bundle=BundleId(name="small", sha256="0" * 64),
        device=dataclasses.replace(ZERO, model="A board <1>", memory_mb=512.0),
        backend="native",
        threads=1,
        new_tokens=20,
        warmup=3,
        lengths=tuple(
            LengthTimings(
                prompt_tokens=length,
                latency_ms=summary(length),
                ttft_ms=summary(length / 4),
                itl_ms=summary(1.5),
                prefill_tokens_per_s=4000.0,
            )
            for length in (16, 32, 64, 108)
        ),
        decode=breakdown,
        prefill=Breakdown(
            tokens=16,
            runs=10,
            run_us=900,
            outside_us=100,
            operators=rows(("ArgMax", 2, 5), ("MatMul", 9, 95)),
            layers=layers,
        ),
        step_us=summary(100, n=200),
        step_mean_us=95.0,
        traced_step_us=summary(330, n=200),
        timing_cost_us=2.25,
        tracing_ratio=3.3,
    )
