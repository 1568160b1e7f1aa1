"""What each row says: bytes, memory, times, starts, quality, estimates; and what a disturbance leaves of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.compare.change import outcome
from tinylm.budget.compare.comparison import compare
from tinylm.budget.estimate.estimate import estimate_counted
from tinylm.budget.judge.validity import Cause, Kind, Voids
from tinylm.budget.report import BudgetReport, ColdStart, LimitChange, Outcome
from tinylm.runtime.measurement.protocol import ProbeResult

MakeReport = Callable[..., BudgetReport]
_numbers = st.floats(allow_nan=False, allow_infinity=False)


def row(old: BudgetReport, new: BudgetReport, name: str) -> LimitChange:
    found = compare(old, new)
    assert found.comparable, found.why_not
    return next(row for row in found.rows if row.name == name)


def disturbed(report: BudgetReport, *, kind: Kind, voids: Voids, name: str = "something") -> BudgetReport:
    cause = Cause(name=name, kind=kind, voids=voids, what="it was disturbed", hint="")
    return dataclasses.replace(report, validity=dataclasses.replace(report.validity, causes=(cause,)))


def test_no_change(report: MakeReport) -> None:
    found = compare(report(), report(seed=1))
    assert [(row.name, row.verdict) for row in found.rows] == [
        ("bundle_mb", "same"),
        ("peak_rss_mb", "same"),
        ("latency_p95_ms", "same"),
        ("bpb_increase", "same"),
    ]
    assert found.exit_code == 0


def test_a_report_against_itself(report: MakeReport) -> None:
    one = report()
    found = compare(one, one)
    assert {row.change for row in found.rows} == {0.0}
    assert {row.verdict for row in found.rows} == {"same"}
    assert any("same bundle" in note for note in found.notes)


@pytest.mark.parametrize(
    ("around", "verdict", "code"), [(160, "regressed", 1), (120, "undecided", 3), (110, "worse", 0), (70, "better", 0)]
)
def test_times(report: MakeReport, around: float, verdict: Outcome, code: int) -> None:
    found = compare(report(), report(around=around, seed=1))
    latency = next(row for row in found.rows if row.name == "latency_p95_ms")
    assert (latency.verdict, found.exit_code) == (verdict, code)
    assert latency.lower is not None
    assert latency.upper is not None
    assert latency.change is not None
    assert latency.lower <= latency.change <= latency.upper
    assert "at least so much with 97.5 % confidence each and at most with 95 %" in latency.significance


def test_any_number_of_processes(report: MakeReport) -> None:
    found = row(report(), report(around=160, seed=1, processes=8), "latency_p95_ms")
    assert found.verdict == "regressed"
    assert "124 requests of 4 processes before and 248 requests of 8 now" in found.significance


def slow_tail(process: ProbeResult, *, share: int, times: float) -> ProbeResult:
    """Every so many requests takes so many times as long."""
    slow = tuple(value * (times if place % share == 0 else 1) for place, value in enumerate(process.latency_ms))
    return dataclasses.replace(process, latency_ms=slow)


def test_a_p95_that_is_shown_to_be_worse_counts(report: MakeReport) -> None:
    new = report(seed=1)
    new = dataclasses.replace(new, samples=tuple(slow_tail(each, share=10, times=3) for each in new.samples))
    found = row(report(), new, "latency_p95_ms")
    assert (found.verdict, found.method) == ("regressed", "p95 of processes")
    assert found.change == pytest.approx(200, rel=0.1)


def taken(report: BudgetReport, *, share: float) -> BudgetReport:
    """Neighbours have the core for so much of every request's time, as the kernel tells."""
    samples = (
        dataclasses.replace(
            each,
            latency_ms=tuple(value / (1 - share) for value in each.latency_ms),
            ttft_ms=tuple(value / (1 - share) for value in each.ttft_ms),
            waited_ms=tuple(value * share / (1 - share) for value in each.latency_ms),
        )
        for each in report.samples
    )
    return disturbed(
        dataclasses.replace(report, samples=tuple(samples)), kind="times", voids="fails", name="contention"
    )


@pytest.mark.parametrize(
    ("old", "new", "factor", "verdict"),
    [
        (0.0, 0.3, 1.0, "same"),
        (0.3, 0.0, 1.0, "same"),
        (0.3, 0.0, 1.5, "regressed"),
        (0.0, 0.3, 1.5, "regressed"),
        (0.7, 0.5, 1.0, "same"),
        (0.5, 0.7, 1.5, "regressed"),
        # Much more in one than in the other: caches suffer there more than is known.
        (0.0, 0.5, 1.0, "same"),
        (0.5, 0.0, 1.0, "undecided"),
        (0.5, 0.0, 1.5, "regressed"),
        (0.0, 0.5, 1.5, "undecided"),
    ],
)
def test_what_neighbours_took_is_taken_off(
    report: MakeReport, old: float, new: float, factor: float, verdict: Outcome
) -> None:
    more = {"ttft_p95_ms": 10.0}
    sides = [taken(report(more=more), share=old), taken(report(around=100 * factor, seed=1, more=more), share=new)]
    found = row(*sides, "latency_p95_ms")
    assert found.verdict == verdict
    assert found.change == pytest.approx(100 * (factor - 1), abs=3)
    assert row(*sides, "ttft_p95_ms").verdict == verdict


def with_work(report: BudgetReport, factor: float) -> BudgetReport:
    samples = (
        dataclasses.replace(each, work_ms=tuple(factor * value for value in each.work_ms)) for each in report.samples
    )
    return dataclasses.replace(report, samples=tuple(samples))


@pytest.mark.parametrize(
    ("around", "work", "verdict"),
    [
        (100, 1.1, "same"),
        (130, 1.3, "undecided"),  # the machine alone may have made it
        (130, 1.0, "regressed"),
        (170, 1.3, "regressed"),
        (100, 0.7, "undecided"),  # a faster machine may hide a slower bundle
    ],
)
def test_a_machine_that_is_slower_as_a_whole(report: MakeReport, around: float, work: float, verdict: Outcome) -> None:
    new = with_work(report(around=around, seed=1), work)
    found = row(report(), new, "latency_p95_ms")
    assert found.verdict == verdict
    assert ("for the same work" in found.significance) == (work != 1)
    other = dataclasses.replace(new.device.facts, python="3.99")
    new = dataclasses.replace(new, device=dataclasses.replace(new.device, facts=other))
    assert "for the same work" not in row(report(), new, "latency_p95_ms").significance


def test_one_process_a_side_decides_nothing(report: MakeReport) -> None:
    found = row(report(processes=1), report(around=300), "latency_p95_ms")
    assert found.verdict == "undecided"
    assert "one process" in found.significance
    assert found.change == pytest.approx(200, abs=10)


@pytest.mark.parametrize(
    ("bundle_mb", "verdict"), [(2.2, "regressed"), (2.1, "worse"), (2.0, "same"), (2.000001, "worse"), (1.9, "better")]
)
def test_bytes_are_exact(report: MakeReport, bundle_mb: float, verdict: Outcome) -> None:
    found = row(report(), report(bundle_mb=bundle_mb), "bundle_mb")
    assert (found.verdict, found.lower, found.method) == (verdict, None, "bytes")


@pytest.mark.parametrize(("peak_mb", "verdict"), [(52.6, "regressed"), (51, "worse"), (50.1, "same"), (49, "better")])
def test_memory_is_the_maximum_with_the_spread_of_the_processes(
    report: MakeReport, peak_mb: float, verdict: Outcome
) -> None:
    found = row(report(), report(peak_mb=peak_mb), "peak_rss_mb")
    assert found.verdict == verdict
    assert "up to 0.4 %" in found.significance


def test_a_spread_beyond_the_threshold_hides_no_regression(report: MakeReport) -> None:
    found = row(report(spread_mb=20), report(peak_mb=60), "peak_rss_mb")
    assert found.verdict == "regressed"


@pytest.mark.parametrize(("bpb", "verdict"), [(0.0101, "regressed"), (0.009, "worse"), (-0.01, "better")])
def test_quality_is_compared_in_bits_per_byte(report: MakeReport, bpb: float, verdict: Outcome) -> None:
    found = row(report(), report(bpb=bpb), "bpb_increase")
    assert (found.verdict, found.change_unit) == (verdict, "bpb")


def test_growth_is_compared_in_megabytes(report: MakeReport) -> None:
    old = report(more={"growth_mb": 0.0})
    assert row(old, report(more={"growth_mb": 0.9}), "growth_mb").verdict == "worse"
    assert row(old, report(more={"growth_mb": 1.1}), "growth_mb").verdict == "regressed"


def test_times_that_only_the_new_budget_limits_are_in_the_old_samples(report: MakeReport) -> None:
    new = report(around=160, more={"ttft_p95_ms": 16})
    assert row(report(), new, "ttft_p95_ms").verdict == "regressed"
    names = [row.name for row in compare(report(), report(more={"resident_mb": 40})).rows]
    assert "resident_mb" not in names


def starts(report: MakeReport, first: float, later: float, *, dropped: bool = True) -> BudgetReport:
    cold = ColdStart(first_ms=first, cache_dropped=dropped, storage_read_mb=0, warm_ms=(later,) * 3, stages=())
    return report(cold=cold, more={"cold_start_ms": first})


@pytest.mark.parametrize(
    ("first", "later", "verdict"), [(1100, 550, "worse"), (2000, 1000, "regressed"), (2000, 500, "undecided")]
)
def test_a_single_cold_start_decides_nothing(report: MakeReport, first: float, later: float, verdict: Outcome) -> None:
    assert row(starts(report, 1000, 500), starts(report, first, later), "cold_start_ms").verdict == verdict


def test_starts_from_the_cache_are_other_starts(report: MakeReport) -> None:
    found = row(starts(report, 1000, 500), starts(report, 600, 500, dropped=False), "cold_start_ms")
    assert found.verdict == "undecided"


@pytest.mark.parametrize("around", [160, 100, 70])
@pytest.mark.parametrize("side", ["old", "new"])
def test_void_times_are_undecided_and_bytes_are_not(report: MakeReport, side: str, around: float) -> None:
    pair = {"old": report(), "new": report(around=around)}
    pair[side] = disturbed(pair[side], kind="times", voids="everything", name="throttling")
    found = compare(pair["old"], pair["new"])
    verdicts = {row.name: row.verdict for row in found.rows}
    assert verdicts["latency_p95_ms"] == "undecided"
    assert verdicts["bundle_mb"] == "same"
    assert found.exit_code == 3
    assert any(f"void in the {side} report: it was disturbed" in row.significance for row in found.rows)


@pytest.mark.parametrize(
    ("side", "around", "verdict"),
    [
        ("old", 300, "regressed"),  # it was faster still without the neighbour, so it did regress
        ("old", 100, "undecided"),
        ("new", 300, "undecided"),  # perhaps the neighbour
        ("new", 100, "same"),
    ],
)
def test_where_nobody_knows_what_neighbours_took_their_direction_counts(
    report: MakeReport, side: str, around: float, verdict: Outcome
) -> None:
    pair = {"old": report(), "new": report(around=around)}
    pair[side] = disturbed(pair[side], kind="times", voids="fails", name="contention")
    assert row(pair["old"], pair["new"], "latency_p95_ms").verdict == verdict


@pytest.mark.parametrize(
    ("side", "peak_mb", "verdict"),
    [("old", 60, "undecided"), ("old", 50, "same"), ("new", 60, "regressed"), ("new", 50, "undecided")],
)
def test_swap_makes_memory_too_small(report: MakeReport, side: str, peak_mb: float, verdict: Outcome) -> None:
    pair = {"old": report(), "new": report(peak_mb=peak_mb)}
    pair[side] = disturbed(pair[side], kind="memory", voids="passes", name="swap")
    assert row(pair["old"], pair["new"], "peak_rss_mb").verdict == verdict


def test_processes_that_drift_widen_the_interval(report: MakeReport) -> None:
    def drifting(around: float) -> BudgetReport:
        levels = [around * factor for factor in (0.8, 0.95, 1.05, 1.2)]
        return report(latency=[[level + 0.1 * place for place in range(31)] for level in levels])

    assert row(report(), drifting(130), "latency_p95_ms").verdict == "undecided"
    assert row(report(), report(around=130), "latency_p95_ms").verdict == "regressed"
    assert row(drifting(100), drifting(300), "latency_p95_ms").verdict == "regressed"


def missing(report: BudgetReport, name: str) -> BudgetReport:
    changed = (
        dataclasses.replace(result, measured=None, verdict="not_measured") if result.name == name else result
        for result in report.limits
    )
    return dataclasses.replace(report, limits=tuple(changed))


@pytest.mark.parametrize("side", ["old", "new"])
def test_what_was_not_measured_is_open(report: MakeReport, side: str) -> None:
    pair = {"old": report(), "new": report()}
    pair[side] = missing(pair[side], "peak_rss_mb")
    found = compare(pair["old"], pair["new"])
    memory = next(row for row in found.rows if row.name == "peak_rss_mb")
    assert (memory.verdict, found.exit_code) == ("undecided", 3)
    assert side in memory.significance


def estimated(report: BudgetReport) -> BudgetReport:
    budget = report.budget
    assert budget.estimate is not None
    estimate = estimate_counted(budget.estimate, report.samples, model_bytes=10**6, prompt_tokens=16, new_tokens=20)
    return dataclasses.replace(report, estimate=estimate, basis="estimated")


def test_estimates_are_not_measurements(report: MakeReport) -> None:
    found = compare(report(), estimated(report()))
    assert found.why_not == ("times were measured in one of the reports and estimated in the other",)


def test_instruction_counts_are_compared_pair_by_pair(report: MakeReport) -> None:
    counts = [report(processes=1).samples[0].latency_ms]
    old = estimated(report(latency=counts))
    for factor, verdict in ((1.3, "regressed"), (1.1, "worse"), (1.0, "same"), (0.9, "better")):
        new = estimated(report(latency=[[factor * value for value in counts[0]]]))
        found = row(old, new, "latency_p95_ms")
        assert (found.verdict, found.unit) == (verdict, "M instructions")
        assert found.change == pytest.approx(100 * (factor - 1), abs=1e-3)
    some = [value * (1.3 if place < 16 else 1.0) for place, value in enumerate(counts[0])]
    assert row(old, estimated(report(latency=[some])), "latency_p95_ms").verdict == "undecided"
    fewer = estimated(report(latency=[counts[0][:20]]))
    assert "different requests" in row(old, fewer, "latency_p95_ms").significance


@given(_numbers, _numbers, st.floats(1e-3, 1e3))
def test_outcomes(one: float, other: float, threshold: float) -> None:
    lower, upper = sorted((one, other))
    found = outcome(lower=lower, upper=upper, threshold=threshold)
    assert (found == "regressed") == (lower > threshold)
    assert (found == "undecided") == (lower <= threshold < upper)
    assert (found == "better") == (upper < 0)
