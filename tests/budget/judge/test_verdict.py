"""From measurements to verdicts, and what a disturbed run still allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.budget.judge.validity import judge_validity
from tinylm.budget.judge.verdict import LimitResult, judge, overall
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.spec.budget import Budget, Limits, load_budget
from tinylm.budget.spec.candidate import Candidate
from tinylm.runtime.measurement.protocol import HeldOutBits, MemoryGrowth, MemoryResult, ProbeResult, ProcessMemory

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]

ALL = dataclasses.replace(
    load_budget("pi-zero-2w"),
    limits=Limits(
        peak_rss_mb=400,
        resident_mb=390,
        growth_mb=1,
        latency_p95_ms=250,
        bundle_mb=10,
        ttft_p95_ms=50,
        itl_p95_ms=10,
        cold_start_ms=2000,
        bpb_increase=0.02,
    ),
)


CANDIDATE = Candidate(
    kind="bundle",
    name="a",
    sha256="0" * 64,
    path=Path("a"),
    size_bytes=2_000_000,
    model=None,
    kv_cache_element_bytes=4,
    golden=True,
)
Judged = Callable[..., dict[str, LimitResult]]


@pytest.fixture
def judged(built_up: MemoryResult) -> Judged:
    """The results by name; `memory` is what the memory probe saw."""

    def judge_them(
        processes: tuple[ProbeResult, ...],
        *,
        budget: Budget = ALL,
        size: int = 2_000_000,
        memory: MemoryResult | None = built_up,
    ) -> dict[str, LimitResult]:
        measured = Measurements(processes=processes, memory=memory, memory_problem=None if memory else "it was killed")
        validity = judge_validity(processes)
        candidate = dataclasses.replace(CANDIDATE, size_bytes=size)
        results = judge(budget, candidate=candidate, measured=measured, validity=validity, basis="measured")
        return {result.name: result for result in results}

    return judge_them


def with_over(processes: tuple[ProbeResult, ...], count: int, *, slow: float = 300.0) -> tuple[ProbeResult, ...]:
    """`count` requests of the first process take `slow` ms."""
    first = processes[0]
    latency = (slow,) * count + first.latency_ms[count:]
    return (dataclasses.replace(first, latency_ms=latency), *processes[1:])


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


def test_a_wrong_token_fails_and_says_where(make_processes: MakeProcesses, judged: Judged) -> None:
    processes = make_processes()
    places = ("after the prompt `x`, position 3: token 5 instead of 7", "another")
    assert processes[0].verification is not None
    wrong = dataclasses.replace(processes[0].verification, mismatches=places)
    result = judged((dataclasses.replace(processes[0], verification=wrong), *processes[1:]))["golden_tokens"]
    assert (result.verdict, result.measured) == ("fail", 2)
    assert "position 3: token 5 instead of 7; and 1 more" in result.evidence


def test_quality_of_the_worst_language_counts(make_processes: MakeProcesses, judged: Judged) -> None:
    processes = make_processes()
    assert processes[0].verification is not None
    spanish = HeldOutBits(language="es", text_bytes=1000, bits=1621.0, bits_fp32=1600.0)
    english = HeldOutBits(language="en", text_bytes=9000, bits=1500.0, bits_fp32=1500.0)
    worse = dataclasses.replace(processes[0].verification, held_out=(english, spanish))
    result = judged((dataclasses.replace(processes[0], verification=worse), *processes[1:]))["bpb_increase"]
    assert result.verdict == "fail"
    assert result.measured == pytest.approx(0.021)


CONTENDED = {"requests_cpu_ms": 2000.0}
DRIFTED = {"work_ms": (1.0,) * 16 + (2.0,) * 16}


@pytest.mark.parametrize("disturbance", [CONTENDED, DRIFTED])
def test_a_slow_answer_on_a_disturbed_machine_is_void(
    make_processes: MakeProcesses, disturbance: dict[str, object], judged: Judged
) -> None:
    results = judged(make_processes(latency_ms=(300.0,) * 31, cold_start_ms=3000.0, **disturbance))
    for name in ("latency_p95_ms", "cold_start_ms"):
        assert results[name].verdict == "undecided"
        assert results[name].evidence.startswith("void: it would fail, but ")
        assert results[name].void in ("contention", "drift")
        assert results[name].measured is not None


@pytest.mark.parametrize("disturbance", [CONTENDED, DRIFTED])
def test_so_far_over_the_limit_no_disturbance_can_be_to_blame(
    make_processes: MakeProcesses, disturbance: dict[str, object], judged: Judged
) -> None:
    waiting = {"requests_cpu_ms": 22_000.0} if "requests_cpu_ms" in disturbance else {"requests_cpu_ms": 27_900.0}
    slow = make_processes(latency_ms=(900.0,) * 31, **{**disturbance, **waiting})
    assert judged(slow)["latency_p95_ms"].verdict == "fail"


def test_contention_voids_no_pass_and_no_bytes(
    make_processes: MakeProcesses, judged: Judged, changed_memory: Callable[..., ProcessMemory]
) -> None:
    results = judged(make_processes(**CONTENDED))
    assert {result.verdict for result in results.values()} == {"pass"}
    memory = changed_memory(peak_rss_bytes=500_000_000)
    assert judged(make_processes(memory=memory, **CONTENDED))["peak_rss_mb"].verdict == "fail"


def test_a_pass_while_the_clock_drifts_must_have_room_for_the_drift(
    make_processes: MakeProcesses, judged: Judged
) -> None:
    assert judged(make_processes(**DRIFTED))["latency_p95_ms"].verdict == "pass"  # 100 ms x 2 is under 250
    near = judged(with_over(make_processes(**DRIFTED), 1, slow=130.0))["latency_p95_ms"]
    assert near.verdict == "undecided"  # 130 ms x 2 is not
    assert near.evidence.startswith("void: it would pass, but the same work took 2.00 times as long")


def test_swap_voids_a_pass_in_memory_but_no_fail(
    make_processes: MakeProcesses, judged: Judged, changed_memory: Callable[..., ProcessMemory]
) -> None:
    swapped = changed_memory(peak_rss_bytes=390_000_000, swap_bytes=20_000_000)
    result = judged(make_processes(memory=swapped))["peak_rss_mb"]
    assert (result.verdict, result.void) == ("undecided", "swap")
    assert "20.0 MB of a probe were in swap" in result.evidence
    more = dataclasses.replace(swapped, peak_rss_bytes=401_000_000)
    assert judged(make_processes(memory=more))["peak_rss_mb"].verdict == "fail"


def test_wrong_tokens_void_everything_but_sizes(make_processes: MakeProcesses, judged: Judged) -> None:
    """It is not the exported model that was measured."""
    processes = make_processes()
    assert processes[0].verification is not None
    wrong = dataclasses.replace(processes[0].verification, mismatches=("position 3: token 5 instead of 7",))
    results = judged((dataclasses.replace(processes[0], verification=wrong), *processes[1:]))
    assert results.pop("golden_tokens").verdict == "fail"
    assert results.pop("bundle_mb").verdict == "pass"
    assert {result.void for result in results.values()} == {"golden"}


def test_resident_memory_is_the_largest_of_all_processes(
    make_processes: MakeProcesses, judged: Judged, built_up: MemoryResult, changed_memory: Callable[..., ProcessMemory]
) -> None:
    processes = make_processes(memory=changed_memory(rss_bytes=391_000_000))
    assert judged(processes)["resident_mb"].verdict == "fail"
    grown = dataclasses.replace(built_up, memory=changed_memory(rss_bytes=392_000_000))
    assert judged(make_processes(), memory=grown)["resident_mb"].measured == 392


def test_a_leak_fails(make_processes: MakeProcesses, judged: Judged, built_up: MemoryResult) -> None:
    leak = tuple(MemoryGrowth(requests=50 * n, anonymous_bytes=28_000_000 + 60_000 * n) for n in range(1, 21))
    result = judged(make_processes(), memory=dataclasses.replace(built_up, growth=leak))["growth_mb"]
    assert (result.verdict, result.measured) == ("fail", pytest.approx(1.2))
    assert judged(make_processes())["growth_mb"].measured == 0
    few = dataclasses.replace(built_up, growth=leak[:3])
    assert judged(make_processes(), memory=few)["growth_mb"].verdict == "not_measured"


def test_a_dead_memory_probe_leaves_growth_unmeasured(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(), memory=None)
    assert results["growth_mb"].verdict == "not_measured"
    assert results["growth_mb"].evidence == "it was killed"
    # It may have died of memory: then nobody knows the peak.
    assert results["peak_rss_mb"].verdict == results["resident_mb"].verdict == "not_measured"
    assert results["latency_p95_ms"].verdict == "pass"


def test_waiting_for_ones_own_pages_is_not_contention(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(latency_ms=(300.0,) * 31, major_faults=500, **CONTENDED))
    assert results["latency_p95_ms"].verdict == "fail"


def test_without_proc_memory_is_not_measured(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(memory=None, cold_start_ms=None))
    for name in ("peak_rss_mb", "resident_mb", "cold_start_ms"):
        assert results[name].verdict == "not_measured"
        assert results[name].evidence.startswith("not measurable here: this system ")
    assert overall(list(results.values()))[0] == "undecided"


def test_a_bundle_without_evidence_does_not_pass(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(verification=None))
    assert results["golden_tokens"].verdict == results["bpb_increase"].verdict == "not_measured"


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


def test_the_peaks_evidence_counts_the_requests_that_were_done(
    make_processes: MakeProcesses, judged: Judged, built_up: MemoryResult
) -> None:
    """An emulated board does fewer than the budget says."""
    assert "of one that did 1000 requests" in judged(make_processes())["peak_rss_mb"].evidence
    fewer = dataclasses.replace(built_up, growth=built_up.growth[:1])
    assert "of one that did 50 requests" in judged(make_processes(), memory=fewer)["peak_rss_mb"].evidence
