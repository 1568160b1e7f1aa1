"""Two reports compared: what is refused, what each row says, and what the exit code makes of it."""

from __future__ import annotations

import dataclasses
import io
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from rich.console import Console

from tinylm.budget import ratio
from tinylm.budget.change import Outcome, Row, outcome
from tinylm.budget.comparison import compare
from tinylm.budget.comparison_table import print_comparison
from tinylm.budget.device import DeviceFacts
from tinylm.budget.estimate import estimate_times
from tinylm.budget.report import (
    SCHEMA,
    BundleId,
    ColdStart,
    Device,
    Report,
    exit_code,
    load_report,
    read_report,
    to_json,
)
from tinylm.budget.spec import load_budget
from tinylm.budget.validity import Cause, Kind, Validity, Voids
from tinylm.budget.verdict import LimitResult
from tinylm.errors import TinylmError
from tinylm.runtime.probe_contract import HeldOutBits, Memory, ProbeResult, Verification

FACTS = DeviceFacts(
    model="Raspberry Pi Zero 2 W Rev 1.0",
    arch="aarch64",
    isa=("asimd",),
    cores=4,
    memory_mb=436.0,
    governor="ondemand",
    system="Linux 6.12",
    python="3.13.5",
    onnxruntime="1.28.0",
)
QUIET = Validity(
    causes=(), waiting=0, drift=1.0, neighbours_cores=None, busiest=(), swap_bytes=0, load_average=None
)  # fmt: skip


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratio, "RESAMPLES", 100)


def times(seed: int, *, around: float, processes: int = 4) -> tuple[tuple[float, ...], ...]:
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
        memory=Memory(
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


def report(
    *,
    latency: Sequence[Sequence[float]] | None = None,
    around: float = 100.0,
    seed: int = 0,
    bundle_mb: float = 2.0,
    peak_mb: float = 50.0,
    spread_mb: float = 0.2,
    bpb: float = 0.005,
    cold: ColdStart | None = None,
    more: dict[str, float] | None = None,
) -> Report:
    """A report of a quiet Zero 2 W; what it measured is `around` ms with 5 % noise, or the `latency` of processes."""
    latency = times(seed, around=around) if latency is None else latency
    samples, first = [], 0
    for number, one in enumerate(latency):
        peak = round(1e6 * (peak_mb - number * spread_mb / 3))
        samples.append(probe(one, first=first, peak=peak))
        first += len(one)
    measured = {"bundle_mb": bundle_mb, "peak_rss_mb": peak_mb, "latency_p95_ms": around, "bpb_increase": bpb}
    return Report(
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


def row(old: Report, new: Report, name: str) -> Row:
    found = compare(old, new)
    assert found.comparable, found.why_not
    return next(row for row in found.rows if row.name == name)


def disturbed(report: Report, *, kind: Kind, voids: Voids, name: str = "something") -> Report:
    cause = Cause(name=name, kind=kind, voids=voids, what="it was disturbed", hint="")
    return dataclasses.replace(report, validity=dataclasses.replace(QUIET, causes=(cause,)))


def test_no_change() -> None:
    found = compare(report(), report(seed=1))
    assert [(row.name, row.verdict) for row in found.rows] == [
        ("bundle_mb", "same"),
        ("peak_rss_mb", "same"),
        ("latency_p95_ms", "same"),
        ("bpb_increase", "same"),
    ]
    assert found.exit_code == 0


def test_a_report_against_itself() -> None:
    one = report()
    found = compare(one, one)
    assert {row.change for row in found.rows} == {0.0}
    assert {row.verdict for row in found.rows} == {"same"}
    assert any("same bundle" in note for note in found.notes)


@pytest.mark.parametrize(
    ("around", "verdict", "code"), [(160, "regressed", 1), (120, "undecided", 3), (110, "worse", 0), (70, "better", 0)]
)
def test_times(around: float, verdict: Outcome, code: int) -> None:
    found = compare(report(), report(around=around, seed=1))
    latency = next(row for row in found.rows if row.name == "latency_p95_ms")
    assert (latency.verdict, found.exit_code) == (verdict, code)
    assert latency.lower is not None
    assert latency.upper is not None
    assert latency.change is not None
    assert latency.lower <= latency.change <= latency.upper
    assert latency.method == "paired bootstrap"
    assert "95 % confidence" in latency.significance


def test_requests_with_other_numbers_are_not_paired() -> None:
    more = report(latency=times(1, around=160, processes=8))
    found = row(report(), more, "latency_p95_ms")
    assert (found.method, found.verdict) == ("unpaired bootstrap", "regressed")
    assert "124 and 248 requests of 4 and 8 processes" in found.significance


def test_one_process_a_side_decides_nothing() -> None:
    found = row(report(latency=times(0, around=100, processes=1)), report(around=300), "latency_p95_ms")
    assert found.verdict == "undecided"
    assert "one process" in found.significance
    assert found.change == pytest.approx(200, abs=10)


@pytest.mark.parametrize(
    ("bundle_mb", "verdict"), [(2.2, "regressed"), (2.1, "worse"), (2.0, "same"), (2.000001, "worse"), (1.9, "better")]
)
def test_bytes_are_exact(bundle_mb: float, verdict: Outcome) -> None:
    found = row(report(), report(bundle_mb=bundle_mb), "bundle_mb")
    assert (found.verdict, found.lower, found.method) == (verdict, None, "bytes")


@pytest.mark.parametrize(("peak_mb", "verdict"), [(52.6, "regressed"), (51, "worse"), (50.1, "same"), (49, "better")])
def test_memory_is_the_maximum_with_the_spread_of_the_processes(peak_mb: float, verdict: Outcome) -> None:
    found = row(report(), report(peak_mb=peak_mb), "peak_rss_mb")
    assert found.verdict == verdict
    assert "up to 0.4 %" in found.significance


def test_a_spread_beyond_the_threshold_hides_no_regression() -> None:
    found = row(report(spread_mb=20), report(peak_mb=60), "peak_rss_mb")
    assert found.verdict == "regressed"


@pytest.mark.parametrize(("bpb", "verdict"), [(0.0101, "regressed"), (0.009, "worse"), (-0.01, "better")])
def test_quality_is_compared_in_bits_per_byte(bpb: float, verdict: Outcome) -> None:
    found = row(report(), report(bpb=bpb), "bpb_increase")
    assert (found.verdict, found.change_unit) == (verdict, "bpb")


def test_growth_is_compared_in_megabytes() -> None:
    old = report(more={"growth_mb": 0.0})
    assert row(old, report(more={"growth_mb": 0.9}), "growth_mb").verdict == "worse"
    assert row(old, report(more={"growth_mb": 1.1}), "growth_mb").verdict == "regressed"


def test_times_that_only_the_new_budget_limits_are_in_the_old_samples() -> None:
    new = report(around=160, more={"ttft_p95_ms": 16})
    assert row(report(), new, "ttft_p95_ms").verdict == "regressed"
    names = [row.name for row in compare(report(), report(more={"resident_mb": 40})).rows]
    assert "resident_mb" not in names


def starts(first: float, later: float, *, dropped: bool = True) -> Report:
    cold = ColdStart(first_ms=first, cache_dropped=dropped, storage_read_mb=0, warm_ms=(later,) * 3, stages=())
    return report(cold=cold, more={"cold_start_ms": first})


@pytest.mark.parametrize(
    ("first", "later", "verdict"), [(1100, 550, "worse"), (2000, 1000, "regressed"), (2000, 500, "undecided")]
)
def test_a_single_cold_start_decides_nothing(first: float, later: float, verdict: Outcome) -> None:
    assert row(starts(1000, 500), starts(first, later), "cold_start_ms").verdict == verdict


def test_starts_from_the_cache_are_other_starts() -> None:
    found = row(starts(1000, 500), starts(600, 500, dropped=False), "cold_start_ms")
    assert found.verdict == "undecided"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "Raspberry Pi 4 Model B Rev 1.5"}, "its model was"),
        ({"arch": "x86_64"}, "its architecture was `aarch64`"),
        ({"isa": ("asimd", "asimddp")}, "its instruction set"),
        ({"cores": 2}, "its number of cores"),
        ({"memory_mb": 900.0}, "it had 436 MB of memory and has 900 MB"),
        ({"memory_mb": None}, "the memory of one of them is unknown"),
        ({"governor": "performance"}, "its governor was `ondemand`"),
        ({"governor": None}, "`unknown`"),
    ],
)
def test_another_machine_is_refused(change: dict[str, object], words: str) -> None:
    facts = dataclasses.replace(FACTS, **change)  # type: ignore[arg-type]
    other = dataclasses.replace(report(), device=Device(facts=facts, differences=()))
    found = compare(report(), other)
    assert (found.comparable, found.rows, found.exit_code) == (False, (), 3)
    assert words in found.why_not[0]


@pytest.mark.parametrize("change", [{"prompt_tokens": 17}, {"new_tokens": 21}, {"threads": 2}])
def test_another_request_is_refused(change: dict[str, int]) -> None:
    budget = load_budget("pi-zero-2w")
    budget = dataclasses.replace(budget, request=dataclasses.replace(budget.request, **change))
    found = compare(report(), dataclasses.replace(report(), budget=budget))
    assert (found.comparable, found.exit_code) == (False, 3)
    assert "another request" in found.why_not[0]


def test_other_software_is_a_note() -> None:
    facts = dataclasses.replace(FACTS, onnxruntime="1.29.0", python="3.13.6", memory_mb=430.0)
    found = compare(report(), dataclasses.replace(report(), device=Device(facts=facts, differences=())))
    assert found.comparable
    assert "onnxruntime was 1.28.0 and is 1.29.0" in found.notes


@pytest.mark.parametrize("around", [160, 100, 70])
@pytest.mark.parametrize("side", ["old", "new"])
def test_void_times_are_undecided_and_bytes_are_not(side: str, around: float) -> None:
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
def test_contention_voids_only_what_it_can_have_made(side: str, around: float, verdict: Outcome) -> None:
    pair = {"old": report(), "new": report(around=around)}
    pair[side] = disturbed(pair[side], kind="times", voids="fails", name="contention")
    assert row(pair["old"], pair["new"], "latency_p95_ms").verdict == verdict


@pytest.mark.parametrize(
    ("side", "peak_mb", "verdict"),
    [("old", 60, "undecided"), ("old", 50, "same"), ("new", 60, "regressed"), ("new", 50, "undecided")],
)
def test_swap_makes_memory_too_small(side: str, peak_mb: float, verdict: Outcome) -> None:
    pair = {"old": report(), "new": report(peak_mb=peak_mb)}
    pair[side] = disturbed(pair[side], kind="memory", voids="passes", name="swap")
    assert row(pair["old"], pair["new"], "peak_rss_mb").verdict == verdict


def test_drift_widens_the_interval() -> None:
    def drifting(report: Report) -> Report:
        return dataclasses.replace(report, validity=dataclasses.replace(QUIET, drift=1.3))

    assert row(report(), drifting(report(around=140)), "latency_p95_ms").verdict == "undecided"
    assert row(report(), report(around=140), "latency_p95_ms").verdict == "regressed"
    assert row(drifting(report()), drifting(report(around=300)), "latency_p95_ms").verdict == "regressed"


def missing(report: Report, name: str) -> Report:
    changed = (
        dataclasses.replace(result, measured=None, verdict="not_measured") if result.name == name else result
        for result in report.limits
    )
    return dataclasses.replace(report, limits=tuple(changed))


@pytest.mark.parametrize("side", ["old", "new"])
def test_what_was_not_measured_is_open(side: str) -> None:
    pair = {"old": report(), "new": report()}
    pair[side] = missing(pair[side], "peak_rss_mb")
    found = compare(pair["old"], pair["new"])
    memory = next(row for row in found.rows if row.name == "peak_rss_mb")
    assert (memory.verdict, found.exit_code) == ("undecided", 3)
    assert side in memory.significance


def estimated(report: Report) -> Report:
    budget = report.budget
    assert budget.estimate is not None
    estimate = estimate_times(
        budget.estimate, report.samples, model_bytes=10**6, prompt_tokens=16, new_tokens=20, chunk_tokens=16
    )
    return dataclasses.replace(report, estimate=estimate, basis="estimated")


def test_estimates_are_not_measurements() -> None:
    found = compare(report(), estimated(report()))
    assert found.why_not == ("times were measured in one of the reports and estimated in the other",)


def test_instruction_counts_are_compared_pair_by_pair() -> None:
    counts = times(0, around=100, processes=1)
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


def test_exit_codes_combine() -> None:
    good, slower = report(), report(around=160)

    def code(old: Report, new: Report, **changes: object) -> int:
        compared = dataclasses.replace(new, comparison=compare(old, new), **changes)  # type: ignore[arg-type]
        return exit_code(compared, certify=False)

    other = dataclasses.replace(good, device=Device(facts=dataclasses.replace(FACTS, cores=1), differences=()))
    assert code(good, good) == 0
    assert code(good, slower) == 1  # all limits pass
    assert code(other, good) == 3
    assert code(other, good, verdict="fail") == 1
    assert code(good, slower, verdict="undecided") == 1
    assert code(good, good, verdict="undecided") == 3


def test_a_comparison_is_a_part_of_the_report() -> None:
    new = report(around=160)
    compared = dataclasses.replace(new, comparison=compare(report(), new))
    assert read_report(json.loads(to_json(compared)), "the report") == compared
    assert compare(compared, compared).exit_code == 0


def table(old: Report, new: Report) -> str:
    output = io.StringIO()
    print_comparison(compare(old, new), Console(file=output, width=80, highlight=False))
    return output.getvalue()


def test_the_table_fits_80_columns() -> None:
    text = table(report(), report(around=160, bundle_mb=1.5, bpb=0.006, seed=2))
    assert max(map(len, text.splitlines())) <= 80
    assert "✗ regressed" in text
    assert "Regressed: latency_p95_ms." in text
    assert "Nothing regressed." in table(report(), report())
    other = dataclasses.replace(report(), device=Device(facts=dataclasses.replace(FACTS, cores=1), differences=()))
    assert "Not comparable" in table(other, report())


def test_another_reports_text_cannot_steer_the_terminal() -> None:
    facts = dataclasses.replace(FACTS, model="\x1b[2J\x07evil\n" + "x" * 10_000)
    old = dataclasses.replace(
        report(), device=Device(facts=facts, differences=()), bundle=BundleId(name="\x1b]0;x\x07", sha256="\n" * 64)
    )
    text = table(old, report())
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text) < 1500


@pytest.mark.parametrize("latency", [0.0, -1.0, 1e-300, 1e300])
def test_times_that_no_clock_measured(latency: float) -> None:
    old = report(latency=[[latency] * 31] * 4)
    found = compare(old, report())
    assert next(row for row in found.rows if row.name == "latency_p95_ms").verdict == "undecided"
    to_json(dataclasses.replace(report(), comparison=found))


_numbers = st.floats(allow_nan=False, allow_infinity=False)


@limits(max_examples=60)
@given(_numbers, _numbers, _numbers, st.floats(0, 1e308))
def test_whatever_an_edited_report_holds_the_result_is_json(size: float, peak: float, bpb: float, drift: float) -> None:
    edited = report(bundle_mb=size, bpb=bpb)
    validity = dataclasses.replace(QUIET, drift=drift)
    results = tuple(
        dataclasses.replace(result, measured=peak) if result.name == "peak_rss_mb" else result
        for result in edited.limits
    )
    edited = dataclasses.replace(edited, limits=results, validity=validity)
    for old, new in ((edited, report()), (report(), edited)):
        found = compare(old, new)
        text = to_json(dataclasses.replace(new, comparison=found))
        assert read_report(json.loads(text), "the report").comparison == found
        table(old, new)


@given(_numbers, _numbers, st.floats(1e-3, 1e3))
def test_outcomes(one: float, other: float, threshold: float) -> None:
    lower, upper = sorted((one, other))
    found = outcome(lower=lower, upper=upper, threshold=threshold)
    assert (found == "regressed") == (lower > threshold)
    assert (found == "undecided") == (lower <= threshold < upper)
    assert (found == "better") == (upper < 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a report"),
        (b"{", "is not a report"),
        (b"\xff\xfe", "is not a report"),
        (b"[" * 100_000, "is not a report"),
        (b"[]", "schema None"),
        (b"null", "schema None"),
        (b'{"schema": "1.1"}', "write the file again"),
        (b'{"schema": "3.0"}', "upgrade tinylm"),
        (b'{"schema": "2.0"}', "lacks the key"),
        (b'{"schema": "2.0", "verdikt": 1}', "unknown key `verdikt`"),
        (b" " * 64_000_001, "larger than 64 MB"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_files_that_are_no_reports(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "old.json"
    file.write_bytes(content)
    with pytest.raises(TinylmError) as caught:
        load_report(file)
    assert message in caught.value.message + caught.value.hint
    assert caught.value.exit_code == 2


def test_a_truncated_report(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    text = to_json(report())
    file.write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(TinylmError, match="is not a report"):
        load_report(file)
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(TinylmError, match="cannot read"):
            load_report(path)
