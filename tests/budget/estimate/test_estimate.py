"""Instruction counts to milliseconds: the arithmetic, its error bars, and what they may decide."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tinylm.base.errors import TinylmError
from tinylm.base.records import read, to_json
from tinylm.budget.check import make_report
from tinylm.budget.estimate.estimate import Estimate, Term, estimate_counted, estimate_time, explain, with_serving
from tinylm.budget.formats.table import print_report
from tinylm.budget.judge.elsewhere import estimated_verdict, judge_elsewhere
from tinylm.budget.judge.validity import judge_validity
from tinylm.budget.judge.verdict import judge
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.report import BudgetReport, exit_code, read_report
from tinylm.budget.spec.budget import Budget, CostModel, load_budget, shipped_budgets
from tinylm.budget.spec.candidate import bundle_candidate
from tinylm.bundle.reading import Bundle
from tinylm.machine.device import DeviceFacts
from tinylm.runtime.measurement.protocol import ProbeResult

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]

# One request that took 20 million instructions.
ONE = {"latency_ms": (20.0,), "ttft_ms": (10.0,), "itl_ms": (4.0,), "at_ms": (0.0,), "work_ms": (1.0, 1.0)}
ZERO = CostModel(clock_ghz=1.0, cpi=2.0, cpi_error=0.5, bandwidth_gb_s=0.5, bandwidth_error_gb_s=0.1)


def test_an_example_by_hand(make_processes: MakeProcesses) -> None:
    """20 million instructions at 2 cycles and 1 GHz are 40 ms; 30 MB at 0.5 GB/s are 60 ms."""
    time = estimate_time(ZERO, instructions=20e6, bytes_read=30_000_000, passes=3)
    assert time.compute == Term(ms=40.0, low_ms=30.0, high_ms=50.0)
    assert (time.memory.ms, time.memory.low_ms, time.memory.high_ms) == pytest.approx((60, 50, 75))
    assert (time.total.ms, time.total.low_ms, time.total.high_ms) == pytest.approx((100, 80, 125))
    assert explain(time, estimated(make_processes(**ONE))) == (
        "20 M instructions x 2 ± 0.5 cycles at 1 GHz = 40 ms (30 to 50);"
        " 3 x 10 MB at 0.5 ± 0.1 GB/s = 60 ms (50 to 75); together 100 ms (80 to 125)"
    )


def test_a_server_s_instructions_come_on_top_with_a_wider_bar(make_processes: MakeProcesses) -> None:
    """8 million at 2 cycles and 1 GHz are 16 ms; three quarters at 1.5 are 9, all at 2.5 and twice as slow 40."""
    alone = estimate_time(ZERO, instructions=20e6, bytes_read=30_000_000, passes=3)
    served = with_serving(alone, ZERO, instructions=8e6)
    assert served.serving is not None
    bar = (served.serving.ms, served.serving.low_ms, served.serving.high_ms)
    assert bar == pytest.approx((16, 9, 40))
    assert (served.total.ms, served.total.low_ms, served.total.high_ms) == pytest.approx((116, 89, 165))
    assert (served.compute, served.memory) == (alone.compute, alone.memory)
    words = explain(served, estimated(make_processes(**ONE)))
    assert words.endswith("; what a server does beyond that = 16 ms (9 to 40); together 116 ms (89 to 165)")


_costs = st.builds(
    lambda clock, cpi, error, width, width_error: CostModel(
        clock_ghz=clock,
        cpi=cpi,
        cpi_error=cpi * error,
        bandwidth_gb_s=width,
        bandwidth_error_gb_s=width * width_error,
    ),
    st.floats(0.5, 4),
    st.floats(0.25, 4),
    st.floats(0.01, 0.9),
    st.floats(0.1, 50),
    st.floats(0.01, 0.9),
)


def test_an_error_of_the_instructions_widens_the_bar() -> None:
    """20 million, 10 % more or less: 18 at 1.5 cycles are 27 ms, 22 at 2.5 are 55."""
    time = estimate_time(ZERO, instructions=20e6, bytes_read=30_000_000, passes=3, instructions_error=0.1)
    assert (time.compute.ms, time.compute.low_ms, time.compute.high_ms) == pytest.approx((40, 27, 55))
    assert (time.total.ms, time.total.low_ms, time.total.high_ms) == pytest.approx((100, 77, 130))


@given(_costs, st.floats(1, 1e10), st.integers(1, 10**10))
def test_the_likeliest_value_lies_inside_its_error_bar(cost: CostModel, instructions: float, size: int) -> None:
    time = estimate_time(cost, instructions=instructions, bytes_read=size, passes=1)
    for term in (time.compute, time.memory, time.total):
        assert 0 < term.low_ms <= term.ms <= term.high_ms
    # By another road: seconds, cycles, bytes.
    seconds = instructions * cost.cpi / (cost.clock_ghz * 1e9) + size / (cost.bandwidth_gb_s * 1e9)
    assert time.total.ms == pytest.approx(1e3 * seconds)


@given(_costs, st.floats(1, 1e10), st.integers(1, 10**10), st.floats(1.01, 5))
def test_more_work_takes_longer_and_a_faster_board_less(
    cost: CostModel, instructions: float, size: int, factor: float
) -> None:
    def total(cost: CostModel, instructions: float) -> float:
        return estimate_time(cost, instructions=instructions, bytes_read=size, passes=1).total.ms

    assert total(cost, instructions * factor) > total(cost, instructions)
    assert total(dataclasses.replace(cost, clock_ghz=cost.clock_ghz * factor), instructions) <= total(
        cost, instructions
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(80, 125, "undecided"), (80, 100, "pass"), (100, 125, "undecided"), (101, 125, "fail"), (50, 60, "pass")],
)
def test_only_a_whole_error_bar_decides(low: float, high: float, verdict: str) -> None:
    assert estimated_verdict(Term(ms=(low + high) / 2, low_ms=low, high_ms=high), 100) == verdict


@pytest.mark.parametrize("name", [name for name in shipped_budgets() if name != "host"])
def test_every_shipped_board_has_a_cost_model(name: str) -> None:
    assert load_budget(name).estimate is not None


def test_the_machine_itself_is_measured_not_estimated() -> None:
    assert load_budget("host").estimate is None


def test_the_two_boards_with_the_same_cores_agree() -> None:
    zero, three = load_budget("pi-zero-2w").estimate, load_budget("pi-3").estimate
    assert zero is not None
    assert three is not None
    assert (zero.cpi, zero.cpi_error) == (three.cpi, three.cpi_error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cpi": 0}, "`cpi` is 0; above 0"),
        ({"clock_ghz": -1.0}, "`clock_ghz` is -1"),
        ({"cpi_error": 2.0}, "`cpi_error` is 2; below the value's own 2"),
        ({"bandwidth_error_gb_s": 0.6}, "below the value's own 0.5"),
        ({"cpi_eror": 1}, "unknown key `cpi_eror`"),
    ],
)
def test_nonsense_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(TinylmError, match=message):
        read(CostModel, {**dataclasses.asdict(ZERO), **change}, "the estimate")


def estimated(processes: tuple[ProbeResult, ...]) -> Estimate:
    return estimate_counted(ZERO, processes, model_bytes=1_000_000, prompt_tokens=16, new_tokens=20)


def test_passes_of_a_request(make_processes: MakeProcesses) -> None:
    found = estimated(make_processes(latency_ms=(20.0, 21.0), ttft_ms=(5.0, 5.0), itl_ms=(1.0, 1.0)))
    # 15 tokens in one pass, then the sixteenth and each new token but the last
    assert (found.latency.passes, found.ttft.passes, found.itl.passes) == (21, 2, 1)
    assert found.latency.instructions == 21e6
    assert found.latency.bytes_read == 21_000_000
    assert found.spread == pytest.approx(0.05)
    long = estimate_counted(ZERO, make_processes(), model_bytes=1, prompt_tokens=34, new_tokens=20)
    assert long.ttft.passes == 4


FACTS = DeviceFacts(
    model="virtual Raspberry Pi Zero 2 W (QEMU, cortex-a53)",
    arch="aarch64",
    isa=("asimd",),
    cores=1,
    memory_mb=435.0,
    governor=None,
    system="Linux 6.1",
    python="3.11.2",
    onnxruntime="1.31.1",
)


def report(bundle: Bundle, processes: tuple[ProbeResult, ...], **limits: float) -> BudgetReport:
    budget: Budget = load_budget("pi-zero-2w")
    budget = dataclasses.replace(budget, limits=dataclasses.replace(budget.limits, **limits))
    candidate, measured, validity = (
        bundle_candidate(bundle),
        Measurements(processes=processes),
        judge_validity(processes),
    )
    budget = dataclasses.replace(budget, limits=dataclasses.replace(budget.limits, growth_mb=None))
    results = judge(budget, candidate=candidate, measured=measured, validity=validity, basis="indicative")
    estimate = estimated(processes)
    return make_report(
        candidate,
        budget,
        facts=FACTS,
        measured=measured,
        validity=validity,
        results=judge_elsewhere(results, estimate, why_not=""),
        estimate=estimate,
    )


def test_an_estimated_report(tiny_bundle: Bundle, make_processes: MakeProcesses) -> None:
    found = report(tiny_bundle, make_processes(**ONE), ttft_p95_ms=200, itl_p95_ms=12)
    bases = {limit.name: limit.basis for limit in found.limits}
    assert bases["peak_rss_mb"] == bases["golden_tokens"] == "indicative"
    assert bases["latency_p95_ms"] == bases["ttft_p95_ms"] == bases["itl_p95_ms"] == "estimated"
    assert found.basis == "estimated"
    assert found.times == ()  # instruction counts are not summarised as milliseconds
    assert read_report(json.loads(to_json(found)), "the report") == found
    output = io.StringIO()
    print_report(found, Console(file=output, width=80, highlight=False))
    assert output.getvalue().startswith("Estimated only: run on a virtual Raspberry Pi Zero 2 W")
    assert "20 million a request" in output.getvalue()


@pytest.mark.parametrize(("limit_ms", "verdict", "code"), [(250, "pass", 0), (95, "undecided", 3), (60, "fail", 1)])
def test_exit_codes_of_an_estimate(
    tiny_bundle: Bundle, make_processes: MakeProcesses, limit_ms: float, verdict: str, code: int
) -> None:
    """An estimated pass is a pass under a banner; nothing estimated is ever certified."""
    found = report(tiny_bundle, make_processes(**ONE), latency_p95_ms=limit_ms)
    assert found.verdict == verdict
    assert exit_code(found, certify=False) == code
    assert exit_code(found, certify=True) == (1 if verdict == "fail" else 3)


def test_a_cold_start_cannot_be_estimated(tiny_bundle: Bundle, make_processes: MakeProcesses) -> None:
    found = report(tiny_bundle, make_processes(**ONE), cold_start_ms=15_000)
    (start,) = [limit for limit in found.limits if limit.name == "cold_start_ms"]
    assert start.verdict == "not_measured"
    assert found.verdict == "undecided"
