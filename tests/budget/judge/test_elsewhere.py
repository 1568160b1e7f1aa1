"""What another machine may say of a board: memory and bytes, an estimate of times, and never its own milliseconds."""

from __future__ import annotations

import dataclasses
import html
import io
import json

import pytest
from rich.console import Console

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_json
from tinylm.budget.advice import advise
from tinylm.budget.check import CheckOptions, check_bundle, make_report
from tinylm.budget.compare.comparison import compare
from tinylm.budget.estimate.cores import CORES
from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.estimate.instructions import estimate_modelled
from tinylm.budget.estimate.work import Unmodelled
from tinylm.budget.formats.junit import to_junit
from tinylm.budget.formats.markdown import to_markdown
from tinylm.budget.formats.page import to_html
from tinylm.budget.formats.table import print_report
from tinylm.budget.judge.elsewhere import judge_elsewhere
from tinylm.budget.judge.verdict import LimitResult, judge
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.report import BudgetReport, exit_code, read_report
from tinylm.budget.spec.budget import Budget, Confidence, load_budget
from tinylm.budget.spec.candidate import bundle_candidate
from tinylm.bundle.reading import Bundle

QUICK = Confidence(looks=(80, 160), processes=2, warmup=1, memory_requests=200)
OWN = "This machine's own times"


def zero_2w(**limits: float | None) -> Budget:
    """The budget of a board that no machine with this test is: it asks for 380 to 540 MB of memory."""
    budget = load_budget("pi-zero-2w")
    limits = {"latency_p95_ms": 250, **limits}
    return dataclasses.replace(budget, confidence=QUICK, limits=dataclasses.replace(budget.limits, **limits))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def report(tiny_bundle: Bundle) -> BudgetReport:
    budget = zero_2w(ttft_p95_ms=100, itl_p95_ms=10, cold_start_ms=15_000)
    return check_bundle(tiny_bundle, budget, announce=len, options=CheckOptions(soak_minutes=0.01))


def table(report: BudgetReport, *, width: int = 80, **options: object) -> str:
    output = io.StringIO()
    print_report(report, Console(file=output, width=width, highlight=False, **options))  # type: ignore[arg-type]
    return output.getvalue()


def test_times_are_the_board_s_estimate(report: BudgetReport, tiny_bundle: Bundle) -> None:
    limits = {limit.name: limit for limit in report.limits}
    modelled = estimate_modelled(tiny_bundle, report.budget, backend="auto")
    assert report.estimate == modelled
    for name, time in (
        ("latency_p95_ms", modelled.latency),
        ("ttft_p95_ms", modelled.ttft),
        ("itl_p95_ms", modelled.itl),
    ):
        result = limits[name]
        assert (result.verdict, result.basis) == ("pass", "estimated")
        assert (result.low, result.measured, result.high) == pytest.approx(
            (time.total.low_ms, time.total.ms, time.total.high_ms),
            abs=1e-6,  # as rounded in the report
        )
        assert result.high is not None
        assert result.high <= result.limit
    assert {name for name, limit in limits.items() if limit.basis == "measured"} == {"bundle_mb"}
    assert limits["peak_rss_mb"].basis == limits["golden_tokens"].basis == "indicative"


def test_what_only_the_board_can_say_is_not_said(report: BudgetReport) -> None:
    """So the whole is undecided, and exit code 3, whatever this machine measured."""
    limits = {limit.name: limit for limit in report.limits}
    for name in ("cold_start_ms", "sustained_p95_ms"):
        assert (limits[name].verdict, limits[name].measured) == ("not_measured", None)
        assert limits[name].evidence.endswith("measure it on the board")
    assert (report.verdict, report.basis) == ("undecided", "estimated")
    assert exit_code(report, certify=False) == 3


def test_its_own_times_stand_apart(report: BudgetReport) -> None:
    assert (report.times, report.cold_start) == ((), None)
    assert report.own_times is not None
    assert [times.name for times in report.own_times.times] == ["latency_p95_ms", "ttft_p95_ms", "itl_p95_ms"]
    for times in report.own_times.times:
        assert (times.limit, times.over, times.decision, times.more_requests) == (None, None, None, None)
        assert times.requests == 80  # of the first look: more would decide nothing
    assert report.own_times.cold_start is not None
    assert report.own_times.cold_start.first_ms is not None
    assert read_report(json.loads(to_json(report)), "the report") == report


def test_every_output_names_them_as_this_machine_s(report: BudgetReport) -> None:
    latency = next(limit for limit in report.limits if limit.name == "latency_p95_ms")
    text = table(report)
    assert OWN in text
    assert "Times are estimates for that device" in " ".join(text.split())
    assert OWN in to_markdown(report)
    assert OWN in html.unescape(to_html(report))
    assert OWN in to_junit(report)
    assert latency.evidence.split(" = ")[0] in " ".join(text.split())


def test_they_are_not_green(report: BudgetReport) -> None:
    """Green is a verdict."""
    text = table(report, force_terminal=True, color_system="standard")
    own = text[text.index(OWN) :]
    assert "\x1b[32m" in text
    assert "\x1b[32m" not in own


@pytest.mark.parametrize("width", [50, 60, 80])
def test_labels_and_numbers_are_whole_on_a_narrow_terminal(report: BudgetReport, width: int) -> None:
    text = table(report, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for words in ("latency, p95", "first token, p95", "sustained, p95", "memory growth", "wrong tokens"):
        assert words in text
    for result in report.limits:
        if result.low is not None:
            assert f" to {result.high:.3g})" in text


@pytest.mark.parametrize(("share", "verdict", "code"), [(1.01, "pass", 0), (0.9, "undecided", 3), (0.3, "fail", 1)])
def test_only_a_whole_error_bar_decides(
    tiny_bundle: Bundle, report: BudgetReport, share: float, verdict: str, code: int
) -> None:
    """The limit at so many times the upper end: whatever this machine's own milliseconds are."""
    assert report.estimate is not None
    total = report.estimate.latency.total
    assert 0.3 * total.high_ms < total.low_ms < 0.9 * total.high_ms
    budget, measured = zero_2w(latency_p95_ms=share * total.high_ms), Measurements(processes=report.samples)
    candidate = bundle_candidate(tiny_bundle)
    results = judge(
        dataclasses.replace(budget, limits=dataclasses.replace(budget.limits, growth_mb=None)),
        candidate=candidate,
        measured=measured,
        validity=report.validity,
        basis="indicative",
    )
    found = make_report(
        candidate,
        budget,
        facts=report.device.facts,
        measured=measured,
        validity=report.validity,
        results=judge_elsewhere(results, report.estimate, why_not=""),
        estimate=report.estimate,
    )
    assert (found.verdict, found.basis, exit_code(found, certify=False)) == (verdict, "estimated", code)
    assert exit_code(found, certify=True) == (1 if verdict == "fail" else 3)
    advices = advise(found, candidate)
    assert all(advice.basis == "estimated" for advice in advices)
    assert advices == () or verdict == "fail"
    evidence = next(limit.evidence for limit in found.limits if limit.name == "latency_p95_ms")
    assert ("only the board decides" in evidence) == (verdict == "undecided")


def unestimated(bundle: Bundle | None, budget: Budget, **options: object) -> str:
    with pytest.raises(Unmodelled) as reason:
        estimate_modelled(bundle, budget, backend=options.get("backend", "auto"))  # type: ignore[arg-type]
    return str(reason.value)


def test_why_there_is_no_estimate(tiny_bundle: Bundle) -> None:
    """Each reason says what to do."""
    budget = zero_2w()
    assert "has no `[estimate]`" in unestimated(tiny_bundle, dataclasses.replace(budget, estimate=None))
    assert "a decoder from elsewhere" in unestimated(None, budget)
    two = dataclasses.replace(budget, request=dataclasses.replace(budget.request, threads=2))
    other = dataclasses.replace(budget, device=dataclasses.replace(budget.device, models=(), isa=(), arch="s390x"))
    for said, words in (
        (unestimated(tiny_bundle, two), "asks for 2 threads"),
        (unestimated(tiny_bundle, other), "of s390x"),
    ):
        assert words in said
        assert said.endswith("; run this check there")
    said = unestimated(tiny_bundle, budget, backend="onnxruntime")
    assert "`onnxruntime` was asked for" in said
    assert said.endswith("count its instructions with `--virtual-pi`, or run this check there")


def test_without_an_estimate_nothing_passes(tiny_bundle: Bundle) -> None:
    found = check_bundle(tiny_bundle, dataclasses.replace(zero_2w(), estimate=None), announce=len)
    (latency,) = [limit for limit in found.limits if limit.name == "latency_p95_ms"]
    assert (latency.verdict, latency.measured) == ("not_measured", None)
    assert "has no `[estimate]`" in latency.evidence
    assert found.verdict == "undecided"
    assert found.estimate is None
    assert found.own_times is not None
    assert "The device's times are not known" in " ".join(table(found).split())


def test_a_board_s_governor_is_not_asked_of_another_machine(report: BudgetReport) -> None:
    assert report.validity is not None
    assert "governor" not in {cause.name for cause in report.validity.causes}


def test_reports_of_one_machine_are_compared_by_its_own_times(report: BudgetReport) -> None:
    """Not by the estimates, which are the same in both."""
    before = tuple(dataclasses.replace(process, waited_ms=()) for process in report.samples)
    after = tuple(
        dataclasses.replace(process, latency_ms=tuple(2 * value for value in process.latency_ms)) for process in before
    )
    found = compare(
        dataclasses.replace(report, samples=before, more=()), dataclasses.replace(report, samples=after, more=())
    )
    assert found.comparable, found.why_not
    rows = {row.name: row for row in found.rows}
    latency = rows["latency_p95_ms"]
    assert latency.old is not None
    assert latency.new == pytest.approx(2 * latency.old)
    taken = [value for process in before for value in process.latency_ms]
    assert min(taken) <= latency.old <= max(taken)
    assert report.own_times is not None
    assert report.own_times.cold_start is not None
    assert rows["cold_start_ms"].old == report.own_times.cold_start.first_ms
    assert any("this machine's own" in note for note in found.notes)


def test_a_void_or_a_pass_of_this_machine_does_not_survive() -> None:
    here = LimitResult(
        name="latency_p95_ms",
        measured=3.0,
        limit=250,
        unit="ms",
        margin=0.9,
        verdict="undecided",
        basis="indicative",
        evidence="void: it would pass",
        void="contention",
    )
    (result,) = judge_elsewhere([here], None, why_not="nobody counted")
    assert (result.verdict, result.void, result.measured) == ("not_measured", None, None)
    assert result.evidence == "not estimated: nobody counted"


def test_the_error_of_the_instructions_is_in_the_bar(tiny_bundle: Bundle) -> None:
    found: Estimate = estimate_modelled(tiny_bundle, zero_2w(), backend="auto")
    assert (found.source, found.requests, found.instructions_error) == ("modelled", 0, CORES["Cortex-A53"].error)
    cost, compute = found.cost, found.latency.compute
    high = found.latency.instructions * (1 + CORES["Cortex-A53"].error) * (cost.cpi + cost.cpi_error) / 1e6
    assert compute.high_ms == pytest.approx(high / cost.clock_ghz)


def test_own_times_without_a_time_are_refused(report: BudgetReport) -> None:
    data = json.loads(to_json(report))
    data["own_times"]["times"] = []
    with pytest.raises(TinylmError, match="own times without any time"):
        read_report(data, "the report")


def test_a_report_that_judged_a_board_by_a_laptop_is_refused(report: BudgetReport) -> None:
    with pytest.raises(TinylmError, match=r"schema 2\.0; this tinylm reads 3\.x"):
        read_report({**json.loads(to_json(report)), "schema": "2.0"}, "the report")
