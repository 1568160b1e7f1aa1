"""Verdicts on memory: peak, resident, growth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from judged_candidate import Judged, MakeProcesses

from tinylm.budget.judge.verdict import overall
from tinylm.runtime.measurement.protocol import MemoryGrowth, MemoryResult, ProcessMemory


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


@pytest.mark.parametrize(("jump_mb", "verdict"), [(4.0, "pass"), (4.1, "undecided")])
def test_one_jump_is_no_leak_as_long_as_it_is_small(
    make_processes: MakeProcesses, judged: Judged, built_up: MemoryResult, jump_mb: float, verdict: str
) -> None:
    """In one of the last two quarters, of 250 requests each: at the rate of 1000 requests four times as much."""
    growth = tuple(
        MemoryGrowth(requests=50 * n, anonymous_bytes=28_000_000 + (round(jump_mb * 250_000) if n > 17 else 0))
        for n in range(1, 21)
    )
    result = judged(make_processes(), memory=dataclasses.replace(built_up, growth=growth))["growth_mb"]
    assert (result.verdict, result.measured) == (verdict, 0)
    assert ("a jump, or a leak in large steps" in result.evidence) == (verdict == "undecided")


def test_a_dead_memory_probe_leaves_growth_unmeasured(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(), memory=None)
    assert results["growth_mb"].verdict == "not_measured"
    assert results["growth_mb"].evidence == "it was killed"
    # It may have died of memory: then nobody knows the peak.
    assert results["peak_rss_mb"].verdict == results["resident_mb"].verdict == "not_measured"
    assert results["latency_p95_ms"].verdict == "pass"


def test_without_proc_memory_is_not_measured(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(memory=None, cold_start_ms=None))
    for name in ("peak_rss_mb", "resident_mb", "cold_start_ms"):
        assert results[name].verdict == "not_measured"
        assert results[name].evidence.startswith("not measurable here: this system ")
    assert overall(list(results.values()))[0] == "undecided"


def test_a_memory_probe_without_proc_leaves_the_others_standing(
    make_processes: MakeProcesses, judged: Judged, built_up: MemoryResult
) -> None:
    """No step, no reading and no memory of its own: growth cannot be told, the peak of the others can."""
    silent = dataclasses.replace(built_up, steps=(), growth=(), memory=None)
    results = judged(make_processes(), memory=silent)
    assert results["growth_mb"].verdict == "not_measured"
    assert results["growth_mb"].evidence.startswith("not measurable here: this system has no /proc")
    assert results["peak_rss_mb"].evidence.startswith("highest VmHWM of 4 fresh processes; then ")
    assert results["resident_mb"].evidence == "highest VmRSS of 4 processes after their requests"
    untold = dataclasses.replace(built_up, memory=dataclasses.replace(built_up.memory, rss_bytes=None))  # type: ignore[type-var]
    assert "of 4 processes" in judged(make_processes(), memory=untold)["resident_mb"].evidence


def test_the_peaks_evidence_counts_the_requests_that_were_done(
    make_processes: MakeProcesses, judged: Judged, built_up: MemoryResult
) -> None:
    """An emulated board does fewer than the budget says."""
    assert "of one that did 1000 requests" in judged(make_processes())["peak_rss_mb"].evidence
    fewer = dataclasses.replace(built_up, growth=built_up.growth[:1])
    assert "of one that did 50 requests" in judged(make_processes(), memory=fewer)["peak_rss_mb"].evidence


def test_the_evidence_of_memory(
    make_processes: MakeProcesses, judged: Judged, changed_memory: Callable[..., ProcessMemory]
) -> None:
    results = judged(make_processes())
    assert results["peak_rss_mb"].evidence == (
        "highest VmHWM of 4 fresh processes, and of one that did 1000 requests; then 40 MB are its own, 35 MB mapped"
        " files"
    )
    assert results["resident_mb"].evidence == "highest VmRSS of 5 processes after their requests"
    assert results["growth_mb"].evidence == ("own memory that 1000 requests add once warm, measured over 1000")
    assert results["cold_start_ms"].evidence == (
        "slowest of 4 starts, process to first token; the first read 40 MB from storage"
    )
    plain = judged(make_processes(memory=changed_memory(anonymous_bytes=None)))["peak_rss_mb"].evidence
    assert "mapped files" not in plain
    some = judged(make_processes(memory=changed_memory(rss_bytes=None)))
    assert some["resident_mb"].verdict == "not_measured"
    assert some["peak_rss_mb"].verdict == "pass"
