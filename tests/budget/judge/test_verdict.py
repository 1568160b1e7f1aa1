"""From measurements to verdicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from judged_candidate import ALL, CANDIDATE, Judged, MakeProcesses

from tinylm.budget.judge.validity import Validity, judge_validity
from tinylm.budget.judge.verdict import (
    LimitResult,
    compare,
    judge,
    judge_p95,
    not_measured,
    open_quantiles,
    overall,
    result_of,
)
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.spec.budget import Limits
from tinylm.runtime.measurement.protocol import ProbeResult, ProcessMemory


def spread_over(processes: tuple[ProbeResult, ...], count: int) -> tuple[ProbeResult, ...]:
    """`count` requests of all processes, evenly spread, take 300 ms."""
    slow = {round((place + 0.5) * 124 / count) for place in range(count)}
    found = []
    for index, process in enumerate(processes):
        latency = tuple(300.0 if 31 * index + number in slow else 100.0 for number in range(31))
        found.append(dataclasses.replace(process, latency_ms=latency, requests_cpu_ms=sum(latency)))
    return tuple(found)


def test_everything_fits(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes())
    assert set(results) == {*vars(ALL.limits), "golden_tokens"}
    assert {result.verdict for result in results.values()} == {"pass"}
    assert results["peak_rss_mb"].measured == 80
    assert results["peak_rss_mb"].margin == pytest.approx(0.8)
    assert results["bundle_mb"].measured == 2
    assert results["latency_p95_ms"].measured == 100
    assert results["cold_start_ms"].measured == 900
    assert results["bpb_increase"].measured == pytest.approx(0.01)  # English, the worse of the two languages
    assert results["golden_tokens"].measured == 0
    assert results["golden_tokens"].margin is None


def test_limits_that_the_budget_leaves_out_are_not_judged(make_processes: MakeProcesses, judged: Judged) -> None:
    limits = Limits(peak_rss_mb=400, latency_p95_ms=250, bundle_mb=10)
    results = judged(make_processes(), budget=dataclasses.replace(ALL, limits=limits))
    assert set(results) == {"bundle_mb", "peak_rss_mb", "latency_p95_ms", "golden_tokens"}


@pytest.mark.parametrize(
    ("over", "verdict"), [(0, "pass"), (1, "pass"), (2, "undecided"), (12, "undecided"), (13, "fail"), (31, "fail")]
)
def test_latency_is_decided_by_the_exact_test(
    make_processes: MakeProcesses, over: int, verdict: str, judged: Judged
) -> None:
    # Spread, because requests that are slower early than late are drift.
    result = judged(spread_over(make_processes(), over))["latency_p95_ms"]
    assert result.verdict == verdict
    assert f"{over} of 124 requests were over the limit, at most 1 may be" in result.evidence
    assert ("more would decide" in result.evidence) == (verdict == "undecided")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ttft_p95_ms", {"ttft_ms": (51.0,) * 31}),
        ("itl_p95_ms", {"itl_ms": (11.0,) * 31}),
        ("cold_start_ms", {"cold_start_ms": 2001.0}),
    ],
)
def test_optional_limits_fail_alone(
    make_processes: MakeProcesses, name: str, changes: dict[str, object], judged: Judged
) -> None:
    results = judged(make_processes(**changes))
    assert [result.name for result in results.values() if result.verdict == "fail"] == [name]


def test_bytes_over_their_limits_fail(make_processes: MakeProcesses, judged: Judged) -> None:
    processes = make_processes()
    memory = dataclasses.replace(processes[2].memory, peak_rss_bytes=400_000_001)  # type: ignore[type-var]
    largest = (*processes[:2], dataclasses.replace(processes[2], memory=memory), processes[3])
    results = judged(largest, size=10_000_001)
    assert results["peak_rss_mb"].verdict == "fail"
    assert results["bundle_mb"].verdict == "fail"


@pytest.mark.parametrize("finished", [0, 3])
def test_a_probe_that_died_measures_nothing(make_processes: MakeProcesses, finished: int) -> None:
    processes = make_processes()[:finished]
    results = judge(
        ALL,
        candidate=CANDIDATE,
        measured=Measurements(processes=processes, problem="the probe was killed by SIGILL"),
        validity=judge_validity(processes) if processes else None,
        basis="measured",
    )
    verdicts = {result.name: result.verdict for result in results}
    assert verdicts.pop("bundle_mb") == "pass"
    assert set(verdicts.values()) == {"not_measured"}
    assert all("SIGILL" in result.evidence for result in results if result.name != "bundle_mb")
    assert overall(results)[0] == "undecided"


def test_overall_takes_the_worst_verdict_and_the_weakest_basis() -> None:
    passed = LimitResult(
        name="bundle_mb", measured=1, limit=2, unit="MB", margin=0.5, verdict="pass", basis="measured", evidence=""
    )
    open_ = dataclasses.replace(passed, verdict="undecided", basis="indicative")
    failed = dataclasses.replace(passed, verdict="fail")
    assert overall([passed]) == ("pass", "measured")
    assert overall([passed, open_]) == ("undecided", "indicative")
    assert overall([open_, failed, passed]) == ("fail", "indicative")


def test_at_its_limit_everything_still_passes(
    make_processes: MakeProcesses, judged: Judged, changed_memory: Callable[..., ProcessMemory]
) -> None:
    memory = changed_memory(peak_rss_bytes=400_000_000, rss_bytes=390_000_000)
    results = judged(
        make_processes(
            memory=memory, latency_ms=(250.0,) * 31, requests_cpu_ms=7750.0, ttft_ms=(50.0,) * 31, cold_start_ms=2000.0
        ),
        size=10_000_000,
    )
    assert {result.verdict for result in results.values()} == {"pass"}
    assert results["bundle_mb"].margin == results["peak_rss_mb"].margin == results["cold_start_ms"].margin == 0
    assert results["itl_p95_ms"].margin == 0.6
    over = judged(make_processes(memory=changed_memory(peak_rss_bytes=600_000_000)))["peak_rss_mb"]
    assert over.margin == -0.5


# Half of the candidate's 2 MB must have been read.
@pytest.mark.parametrize(("read_bytes", "verdict"), [(999_999, "undecided"), (1_000_000, "pass"), (0, "undecided")])
def test_a_first_start_that_read_next_to_nothing_was_none(
    make_processes: MakeProcesses, judged: Judged, read_bytes: int, verdict: str
) -> None:
    result = judged(make_processes(storage_read_bytes=read_bytes))["cold_start_ms"]
    assert (result.verdict, result.measured, result.void) == (verdict, 900, None)
    assert ("this was no first start" in result.evidence) == (verdict == "undecided")
    slow = judged(make_processes(storage_read_bytes=read_bytes, cold_start_ms=2500.0))["cold_start_ms"]
    assert slow.verdict == "fail"  # slower still with cold files


def test_more_requests_help_only_an_open_p95() -> None:
    open_ = LimitResult(
        name="ttft_p95_ms",
        measured=1,
        limit=2,
        unit="ms",
        margin=0.5,
        verdict="undecided",
        basis="measured",
        evidence="",
    )
    assert open_quantiles([open_])
    assert open_quantiles([dataclasses.replace(open_, verdict="fail"), open_])
    assert not open_quantiles([])
    for changed in ({"verdict": "pass"}, {"void": "drift"}, {"name": "growth_mb"}):
        assert not open_quantiles([dataclasses.replace(open_, **changed)])  # type: ignore[arg-type]


def test_the_weakest_basis_is_in_order() -> None:
    one = result_of("a", 1, "MB", "measured", compare(1, 1, ""))
    others = [dataclasses.replace(one, basis=basis) for basis in ("indicative", "estimated", "claimed")]
    assert [overall([*others[:count], one])[1] for count in range(4)] == [
        "measured",
        "indicative",
        "estimated",
        "claimed",
    ]
    assert overall([one, dataclasses.replace(one, verdict="not_measured")])[0] == "undecided"


def test_a_row_of_the_report() -> None:
    row = result_of("a", 3.0, "MB", "claimed", compare(1.23456789, 3.0, "why"))
    assert (row.measured, row.margin, row.verdict, row.basis, row.evidence) == (
        1.234568,
        0.5885,
        "pass",
        "claimed",
        "why",
    )
    assert (row.low, row.high, row.void) == (None, None, None)
    assert result_of("a", 0, "", "measured", compare(1, 0, "")).margin is None
    none = result_of("a", 1, "", "measured", not_measured("no"))
    assert (none.measured, none.margin, none.verdict, none.evidence) == (None, None, "not_measured", "no")


def test_only_the_first_start_must_have_read_from_storage(make_processes: MakeProcesses, judged: Judged) -> None:
    first, *others = make_processes()
    warm = [dataclasses.replace(process, storage_read_bytes=0) for process in others]
    assert judged((first, *warm))["cold_start_ms"].verdict == "pass"
    cached = dataclasses.replace(first, storage_read_bytes=0)
    assert judged((cached, *others))["cold_start_ms"].verdict == "undecided"


def test_without_requests_no_p95_is_measured() -> None:
    validity = Validity(
        causes=(), waiting=0, drift=1, neighbours_cores=None, busiest=(), swap_bytes=0, load_average=None
    )
    finding = judge_p95([[]], limit=250, validity=validity, confidence=ALL.confidence)
    assert (finding.verdict, finding.evidence) == ("not_measured", "no request was counted")
