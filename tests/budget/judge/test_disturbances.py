"""What a disturbed run still allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from judged_candidate import Judged, MakeProcesses

from tinylm.runtime.measurement.protocol import ProbeResult, ProcessMemory

CONTENDED = {"requests_cpu_ms": 2000.0}
DRIFTED = {"work_ms": (1.0,) * 16 + (2.0,) * 16}


def with_over(processes: tuple[ProbeResult, ...], count: int, *, slow: float = 300.0) -> tuple[ProbeResult, ...]:
    """`count` requests of the first process take `slow` ms."""
    first = processes[0]
    latency = (slow,) * count + first.latency_ms[count:]
    return (dataclasses.replace(first, latency_ms=latency), *processes[1:])


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


def test_waiting_for_ones_own_pages_is_not_contention(make_processes: MakeProcesses, judged: Judged) -> None:
    results = judged(make_processes(latency_ms=(300.0,) * 31, major_faults=500, **CONTENDED))
    assert results["latency_p95_ms"].verdict == "fail"


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
