"""From measurements to verdicts, and what a disturbed run still allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

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
        candidate: Candidate = CANDIDATE,
    ) -> dict[str, LimitResult]:
        measured = Measurements(processes=processes, memory=memory, memory_problem=None if memory else "it was killed")
        validity = judge_validity(processes)
        candidate = dataclasses.replace(candidate, size_bytes=size)
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


def held_out(processes: tuple[ProbeResult, ...], *texts: HeldOutBits) -> tuple[ProbeResult, ...]:
    first, *others = processes
    assert first.verification is not None
    return (dataclasses.replace(first, verification=dataclasses.replace(first.verification, held_out=texts)), *others)


@pytest.mark.parametrize(
    ("bits", "verdict"), [(950.0, "pass"), (949.0, "not_measured"), (1020.0, "pass"), (1021.0, "fail")]
)
def test_quality_within_what_int8_can_be(
    make_processes: MakeProcesses, judged: Judged, bits: float, verdict: str
) -> None:
    """Of 1000 bits in 1000 bytes: 0.02 bits per byte may be lost, and more than 0.05 cannot be gained."""
    one = HeldOutBits(language="en", text_bytes=1000, bits=bits, bits_fp32=1000.0)
    result = judged(held_out(make_processes(), one))["bpb_increase"]
    assert result.verdict == verdict
    # The language that gains is not hidden by one that does not.
    same = HeldOutBits(language="es", text_bytes=3000, bits=3000.0, bits_fp32=3000.0)
    both = judged(held_out(make_processes(), same, one))["bpb_increase"]
    assert both.verdict == verdict
    if verdict in ("pass", "fail"):
        assert "measured here on 4,000 bytes" in both.evidence


def test_languages_without_text_say_nothing(make_processes: MakeProcesses, judged: Judged) -> None:
    empty = HeldOutBits(language="es", text_bytes=0, bits=0.0, bits_fp32=0.0)
    result = judged(held_out(make_processes(), empty))["bpb_increase"]
    assert (result.verdict, result.evidence) == ("not_measured", "the bundle holds no held-out text")


def test_golden_tokens_without_texts_to_encode(make_processes: MakeProcesses, judged: Judged) -> None:
    def golden(**changes: object) -> LimitResult:
        first, *others = make_processes()
        assert first.verification is not None
        verification = dataclasses.replace(first.verification, **changes)  # type: ignore[arg-type]
        return judged((dataclasses.replace(first, verification=verification), *others))["golden_tokens"]

    assert golden().evidence == "24 tokens after 2 prompts, 3 encoded texts: as exported"
    assert golden(encodings=None).evidence == "24 tokens after 2 prompts: as exported"
    assert golden(encodings=0).verdict == golden(tokens=0).verdict == "not_measured"
    one = golden(mismatches=("position 1: token 2 instead of 3",))
    assert (one.verdict, one.evidence) == ("fail", "position 1: token 2 instead of 3")
    assert golden(mismatches=("a", "b", "c")).evidence == "a; and 2 more"


def test_a_decoder_is_judged_by_what_it_brings(make_processes: MakeProcesses, judged: Judged) -> None:
    decoder = dataclasses.replace(CANDIDATE, kind="decoder", golden=False)
    results = judged(make_processes(verification=None), candidate=decoder)
    assert "golden_tokens" not in results
    assert results["bundle_mb"].evidence.startswith("the files of the decoder")
    assert results["bpb_increase"].verdict == "not_measured"
    assert "a decoder brings no fp32 model to compare with" in results["bpb_increase"].evidence
    golden = judged(make_processes(), candidate=dataclasses.replace(decoder, golden=True))
    assert golden["golden_tokens"].verdict == "pass"


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
