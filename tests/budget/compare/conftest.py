"""Reports to compare, of a quiet Raspberry Pi Zero 2 W that nobody measured."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence

import pytest
from rich.console import Console
from sample_machines import ZERO as FACTS

from tinylm.budget.compare.comparison import compare
from tinylm.budget.formats.table import print_comparison
from tinylm.budget.judge.validity import Validity
from tinylm.budget.judge.verdict import LimitResult
from tinylm.budget.report import SCHEMA, BudgetReport, BundleId, ColdStart, Device
from tinylm.budget.spec.budget import load_budget
from tinylm.runtime.measurement.protocol import HeldOutBits, ProbeResult, ProcessMemory, Verification

QUIET = Validity(
    causes=(), waiting=0, drift=1.0, neighbours_cores=None, busiest=(), swap_bytes=0, load_average=None
)  # fmt: skip


def times(seed: int, *, around: float, processes: int) -> tuple[tuple[float, ...], ...]:
    rng = random.Random(seed)
    return tuple(tuple(round(around * rng.uniform(0.95, 1.05), 3) for _ in range(31)) for _ in range(processes))


def probe(latency: Sequence[float], *, first: int, peak: int) -> ProbeResult:
    return ProbeResult(
        schema="2.0",
        first_request=first,
        at_ms=tuple(range(len(latency))),
        latency_ms=tuple(latency),
        ttft_ms=tuple(value / 10 for value in latency),
        itl_ms=tuple(value / 30 for value in latency),
        work_ms=(1.0,) * (len(latency) + 1),
        cold_start_ms=900.0,
        storage_read_bytes=0,
        stages=(),
        memory=ProcessMemory(
            peak_rss_bytes=peak,
            rss_bytes=peak - 1_000_000,
            anonymous_bytes=None,
            file_bytes=None,
            swap_bytes=0,
            pss_bytes=None,
        ),
        requests_cpu_ms=sum(latency),
        involuntary_switches=0,
        major_faults=0,
        verification=Verification(
            prompts=1,
            tokens=9,
            encodings=1,
            mismatches=(),
            held_out=(HeldOutBits(language="en", text_bytes=1000, bits=1500, bits_fp32=1495),),
        ),
    )


def _report(
    *,
    latency: Sequence[Sequence[float]] | None = None,
    around: float = 100.0,
    seed: int = 0,
    processes: int = 4,
    bundle_mb: float = 2.0,
    peak_mb: float = 50.0,
    spread_mb: float = 0.2,
    bpb: float = 0.005,
    cold: ColdStart | None = None,
    more: dict[str, float] | None = None,
) -> BudgetReport:
    """A report of a quiet Zero 2 W; what it measured is `around` ms with 5 % noise, or the `latency` of processes."""
    latency = times(seed, around=around, processes=processes) if latency is None else latency
    samples, first = [], 0
    for number, one in enumerate(latency):
        peak = round(1e6 * (peak_mb - number * spread_mb / 3))
        samples.append(probe(one, first=first, peak=peak))
        first += len(one)
    measured = {"bundle_mb": bundle_mb, "peak_rss_mb": peak_mb, "latency_p95_ms": around, "bpb_increase": bpb}
    return BudgetReport(
        schema=SCHEMA,
        tinylm="0.1.0",
        created="2026-01-01T00:00:00+00:00",
        bundle=BundleId(name="tiny", sha256=f"{seed}" * 64),
        budget=load_budget("pi-zero-2w"),
        device=Device(facts=FACTS, differences=()),
        moments=(),
        validity=QUIET,
        limits=tuple(
            LimitResult(
                name=name,
                measured=value,
                limit=1000,
                unit={"mb": "MB", "ms": "ms"}.get(name[-2:], "bpb"),
                margin=None,
                verdict="pass",
                basis="measured",
                evidence="",
            )
            for name, value in {**measured, **(more or {}), "golden_tokens": 0}.items()
        ),
        times=(),
        cold_start=cold,
        ledger=None,
        soak=None,
        advice=(),
        samples=tuple(samples),
        verdict="pass",
        basis="measured",
    )


@pytest.fixture(scope="session")
def report() -> Callable[..., BudgetReport]:
    """Make a report: `report(around=160, bundle_mb=2.2)`; what is left out is the same in all of them."""
    return _report


@pytest.fixture(scope="session")
def table() -> Callable[[BudgetReport, BudgetReport], str]:
    """What a terminal of 80 columns shows of a comparison."""

    def print_to_text(old: BudgetReport, new: BudgetReport) -> str:
        output = io.StringIO()
        print_comparison(compare(old, new), Console(file=output, width=80, highlight=False))
        return output.getvalue()

    return print_to_text
