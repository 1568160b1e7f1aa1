"""The whole check on a real bundle, the report's contract, and the table."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Callable

import pytest
from rich.console import Console

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_json
from tinylm.budget.check import check_bundle, make_report
from tinylm.budget.formats.table import print_report
from tinylm.budget.judge.verdict import judge
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.report import BudgetReport, exit_code, read_report
from tinylm.budget.spec.budget import Budget, Confidence, load_budget
from tinylm.budget.spec.candidate import bundle_candidate
from tinylm.bundle.reading import Bundle
from tinylm.runtime.measurement.protocol import ProbeResult

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]

# One process instead of four: what is tested here is what becomes of the measurements.
QUICK = Confidence(looks=(59,), processes=2, warmup=1, memory_requests=200)


def quick(name: str, **limits: float | None) -> Budget:
    budget = load_budget(name)
    return dataclasses.replace(budget, confidence=QUICK, limits=dataclasses.replace(budget.limits, **limits))


@pytest.fixture(scope="module")
def report(tiny_bundle: Bundle) -> BudgetReport:
    """Checked against this machine's budget; the times' limit is far away, because timings never gate a test."""
    budget = quick(
        "host",
        resident_mb=400,
        latency_p95_ms=60_000,
        ttft_p95_ms=60_000,
        itl_p95_ms=3_000,
        cold_start_ms=60_000,
    )
    return check_bundle(tiny_bundle, budget, announce=len)


def table(report: BudgetReport, *, width: int = 80, **options: object) -> str:
    output = io.StringIO()
    print_report(report, Console(file=output, width=width, highlight=False, **options))  # type: ignore[arg-type]
    return output.getvalue()


def test_a_real_check_passes_as_measured(report: BudgetReport, tiny_bundle: Bundle) -> None:
    assert (report.verdict, report.basis) == ("pass", "measured")
    assert (report.own_times, report.estimate) == (None, None)  # what is timed on the device is the device's
    assert report.bundle.sha256 == tiny_bundle.manifest_sha256
    assert sum(len(process.latency_ms) for process in report.samples) == 59
    assert [limit.name for limit in report.limits] == [
        "bundle_mb",
        "peak_rss_mb",
        "resident_mb",
        "growth_mb",
        "latency_p95_ms",
        "ttft_p95_ms",
        "itl_p95_ms",
        "cold_start_ms",
        "bpb_increase",
        "golden_tokens",
    ]
    assert [times.name for times in report.times] == ["latency_p95_ms", "ttft_p95_ms", "itl_p95_ms"]
    for times in report.times:
        assert 0 < times.p50 <= times.p90 <= times.p95 <= times.p99 <= times.worst
        assert (times.requests, times.processes, times.over, times.most_over, times.decision) == (59, 2, 0, 0, "pass")
        # Of 59 requests, the slowest is the bound, and wider by the luck of processes.
        assert times.upper == pytest.approx(times.worst * times.luck, rel=1e-3)
    quality = next(limit for limit in report.limits if limit.name == "bpb_increase")
    assert quality.measured == pytest.approx(0.25 / 48, abs=1e-6)  # the fixture claims 0.25 bits less over 48 bytes


def test_the_ledger_explains_what_is_resident(report: BudgetReport) -> None:
    assert report.ledger is not None
    parts = {entry.part: entry for entry in report.ledger.entries}
    assert sum(e.own_mb + e.files_mb for e in report.ledger.entries) == pytest.approx(report.ledger.total_mb, abs=0.01)
    # Both are counts of pages of the same moment; the kernel keeps its own per core and may be some 100 KB behind.
    assert report.ledger.total_mb == pytest.approx(report.ledger.resident_mb, rel=0.03)
    assert parts["interpreter"].own_mb > 1
    assert parts["interpreter"].files_mb > 1
    assert parts["graph and weights"].own_mb > 0
    assert report.ledger.requests == 200
    assert report.ledger.growth_mb is not None


def test_the_first_start_stands_apart(report: BudgetReport) -> None:
    assert report.cold_start is not None
    assert report.cold_start.cache_dropped
    assert report.cold_start.first_ms is not None
    assert len(report.cold_start.warm_ms) == 1


def test_the_machine_was_watched(report: BudgetReport) -> None:
    assert len(report.moments) == 4  # before the processes, after each of the two, after the memory probe
    assert report.moments[1].at_s > report.moments[0].at_s
    assert report.validity is not None


def test_round_trip(report: BudgetReport) -> None:
    assert read_report(json.loads(to_json(report)), "the report") == report


def test_a_newer_or_misspelt_report_is_refused(report: BudgetReport) -> None:
    data = json.loads(to_json(report))
    with pytest.raises(TinylmError, match=r"schema 4\.0"):
        read_report({**data, "schema": "4.0"}, "the report")
    with pytest.raises(TinylmError, match="unknown key `verdikt`"):
        read_report({**data, "verdikt": "pass"}, "the report")


@pytest.mark.parametrize(
    ("verdict", "basis", "certify", "code"),
    [
        ("pass", "measured", False, 0),
        ("pass", "measured", True, 0),
        ("pass", "estimated", False, 0),
        ("pass", "estimated", True, 3),
        ("fail", "estimated", True, 1),
        ("fail", "measured", False, 1),
        ("undecided", "measured", False, 3),
    ],
)
def test_exit_codes(report: BudgetReport, verdict: str, basis: str, certify: bool, code: int) -> None:
    changed = dataclasses.replace(report, verdict=verdict, basis=basis)  # type: ignore[arg-type]
    assert exit_code(changed, certify=certify) == code


def test_a_limit_that_cannot_be_met_fails(report: BudgetReport, tiny_bundle: Bundle) -> None:
    candidate, budget = bundle_candidate(tiny_bundle), quick("host", peak_rss_mb=11, growth_mb=None)
    measured, facts = Measurements(processes=report.samples), report.device.facts
    results = judge(budget, candidate=candidate, measured=measured, validity=report.validity, basis="measured")
    report = make_report(candidate, budget, facts=facts, measured=measured, validity=report.validity, results=results)
    assert report.verdict == "fail"
    assert "does not fit the budget host: peak memory" in table(report)


def test_a_dead_probe_is_not_measured(tiny_bundle: Bundle) -> None:
    killing = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    report = check_bundle(tiny_bundle, quick("host"), announce=len, interpreter=(sys.executable, "-c", killing))
    assert report.verdict == "undecided"
    assert report.validity is None
    assert (report.times, report.ledger, report.cold_start) == ((), None, None)
    assert read_report(json.loads(to_json(report)), "the report") == report
    assert "killed by SIGILL" in table(report)


def test_more_looks_are_taken_only_while_undecided(tiny_bundle: Bundle) -> None:
    lines: list[str] = []
    looks = Confidence(looks=(80, 160), processes=2, warmup=1, memory_requests=200)
    budget = dataclasses.replace(quick("host", latency_p95_ms=60_000), confidence=looks)
    report = check_bundle(tiny_bundle, budget, announce=lines.append)
    assert sum(len(process.latency_ms) for process in report.samples) == 80
    known = next((place for place, line in enumerate(lines) if line.startswith("more processes")), len(lines))
    assert [line for line in lines[:known] if line.startswith("process")] == [
        "process 1 of 2: 40 requests, to 80 in all, then golden tokens",
        "process 2 of 2: 40 requests, to 80 in all",
    ]


def test_advice_says_what_is_enough(full_report: BudgetReport) -> None:
    (advice,) = full_report.advice
    for passes, words in ((True, "✓ would pass"), (False, "✗ not enough")):
        changed = dataclasses.replace(full_report, advice=(dataclasses.replace(advice, passes=passes),))
        (line,) = [line for line in table(changed).splitlines() if "the preset `tiny`" in line]
        assert words in line


@pytest.mark.parametrize("width", [50, 60, 80, 120])
def test_the_table_fits_and_needs_no_colour(report: BudgetReport, width: int) -> None:
    text = table(report, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    for words in ("peak memory", "latency, p95", "bundle size", "✓ pass", "test fits the budget host."):
        assert words in text
    assert "…" not in text


def test_no_color_is_respected(report: BudgetReport, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[32m" in table(report, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in table(report, force_terminal=True, color_system="standard")


def test_every_verdict_has_room_in_the_table(report: BudgetReport) -> None:
    limits = tuple(
        dataclasses.replace(limit, verdict="not_measured", basis="indicative", measured=None, margin=None)
        for limit in report.limits
    )
    text = table(dataclasses.replace(report, limits=limits, verdict="undecided"))
    assert text.count("? not measured") == len(limits)
    assert "…" not in text


def test_a_board_whose_firmware_is_silent_is_not_taken_for_a_quiet_one(
    report: BudgetReport, tiny_bundle: Bundle
) -> None:
    for model, noted in (("Raspberry Pi 4 Model B Rev 1.5", True), ("AMD EPYC", False)):
        found = make_report(
            bundle_candidate(tiny_bundle),
            report.budget,
            facts=dataclasses.replace(report.device.facts, model=model),
            measured=Measurements(processes=report.samples),
            validity=report.validity,
            results=report.limits,
            states=report.moments,
        )
        assert any("could not be seen" in note for note in found.notes) == noted


def test_a_process_with_times_of_other_requests_is_refused(report: BudgetReport) -> None:
    for name in ("latency_ms", "ttft_ms", "itl_ms", "at_ms"):
        data = json.loads(to_json(report))
        data["samples"][0][name].pop()
        with pytest.raises(TinylmError, match="times of other requests"):
            read_report(data, "the report")


def test_every_way_of_counting_memory_is_shown(report: BudgetReport) -> None:
    for words in ("VmHWM", "VmRSS", "RssAnon", "RssFile", "PSS", "USS", "in swap"):
        assert words in table(report)


def test_a_report_of_a_server_holds_servers_alone(report: BudgetReport) -> None:
    with pytest.raises(TinylmError, match="is about a server, and a process in it is none"):
        read_report(json.loads(to_json(dataclasses.replace(report, process="server"))), "the report")
