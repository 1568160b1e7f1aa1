"""The decision on a p95, at borders that are computed here with fractions and integers alone."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from fractions import Fraction
from statistics import mean, variance

import pytest

from tinylm.budget.judge.times import TimeSummary, explain, summarise_times
from tinylm.budget.spec.budget import Confidence
from tinylm.budget.statistics.process_variance import process_factor
from tinylm.budget.statistics.sequential import more_requests

FAST, LIMIT, SLOW = 100.0, 200.0, 300.0
T95 = {1: 6.314, 3: 2.353}
"""Student's t at 95 %, one-sided, by degrees of freedom; from a printed table."""


@functools.cache
def chances(n: int) -> list[int]:
    """How likely each number of n requests over the limit is for a share of 1 in 20, times 20 to the n."""
    return [math.comb(n, k) * 19 ** (n - k) for k in range(n + 1)]


def exact(n: int, over: int, level: str) -> str:
    """The verdict of a single look: both one-sided binomial tests, in integers."""
    most = (1 - Fraction(level)) * 20**n
    if sum(chances(n)[: over + 1]) <= most:
        return "pass"
    return "fail" if sum(chances(n)[over:]) <= most else "undecided"


def spread(values: list[float], processes: int) -> list[list[float]]:
    """The values dealt out to so many processes."""
    return [values[place::processes] for place in range(processes)]


def decided(n: int, over: int, *, confidence: Confidence, processes: int = 4) -> TimeSummary:
    """`over` of n requests are too slow; the medians of all processes are the same, so none is faster as a whole."""
    values = [SLOW] * over + [FAST] * (n - over)
    summary = summarise_times("latency_p95_ms", spread(values, processes), limit=LIMIT, confidence=confidence)
    assert summary is not None
    assert summary.luck == 1
    return summary


@pytest.mark.parametrize("level", ["0.9", "0.95", "0.99"])
@pytest.mark.parametrize("n", [93, 124, 208, 336])
def test_every_number_over_the_limit_gets_its_exact_verdict(n: int, level: str) -> None:
    confidence = Confidence(level=float(level), looks=(n,))
    verdicts = [exact(n, over, level) for over in range(40)]
    assert [decided(n, over, confidence=confidence).decision for over in range(40)] == verdicts
    assert set(verdicts) == {"pass", "undecided", "fail"}


def test_the_published_borders_of_124_requests() -> None:
    """Clopper & Pearson: 124 requests pass with 2 over the limit, and fail with 11."""
    confidence = Confidence(looks=(124,))
    found = [decided(124, over, confidence=confidence) for over in (2, 3, 10, 11)]
    assert [summary.decision for summary in found] == ["pass", "undecided", "undecided", "fail"]
    assert [summary.over for summary in found] == [2, 3, 10, 11]
    assert {summary.most_over for summary in found} == {2}
    assert [summary.more_requests is None for summary in found] == [True, False, False, True]


def test_looks_share_the_error() -> None:
    """Of three looks the first may spend a third: 1 of 124 passes, 2 do not."""
    confidence = Confidence(looks=(124, 250, 500))
    third = str(1 - Fraction(1, 60))
    assert [decided(124, over, confidence=confidence).decision for over in range(15)] == [
        exact(124, over, third) for over in range(15)
    ]
    assert decided(124, 1, confidence=confidence).decision == "pass"
    assert decided(124, 2, confidence=confidence).decision == "undecided"


def test_a_time_exactly_at_the_limit_is_within_it() -> None:
    summary = summarise_times("", [[LIMIT] * 31] * 4, limit=LIMIT, confidence=Confidence(looks=(124,)))
    assert summary is not None
    assert (summary.over, summary.decision) == (0, "pass")


def test_one_process_alone_decides_nothing() -> None:
    for over, processes, decision in ((0, 1, "undecided"), (124, 1, "undecided"), (0, 2, "pass"), (124, 2, "fail")):
        summary = decided(124, over, confidence=Confidence(looks=(124,)), processes=processes)
        assert (summary.decision, summary.processes) == (decision, processes)


def test_between_the_looks_nothing_is_decided() -> None:
    summary = decided(125, 0, confidence=Confidence(looks=(124, 250)))
    assert (summary.decision, summary.most_over, summary.lower, summary.upper) == ("undecided", None, None, None)


def factor_by_hand(medians: list[float], t: float) -> float:
    """Processes without any spread inside: Student's t on the logarithms of their medians, for a process to come."""
    between = variance([math.log(value) for value in medians])
    return math.exp(t * math.sqrt(between + between / len(medians)))


@pytest.mark.parametrize(("medians", "t"), [([100.0, 104.0, 98.0, 101.0], T95[3]), ([100.0, 103.0], T95[1])])
def test_a_pass_and_a_fail_hold_with_every_process_slower_or_faster(medians: list[float], t: float) -> None:
    """The limit a little beyond the factor decides; a little within it does not, whatever it is without."""
    factor, count = factor_by_hand(medians, t), 124 // len(medians)
    processes = [[value] * count for value in medians]
    for limit, decision in (
        (max(medians) * factor * 1.001, "pass"),
        (max(medians) * factor / 1.001, "undecided"),
        (max(medians) / factor * 1.001, "undecided"),  # the slowest process has more requests than a fail needs
        (max(medians) / factor / 1.001, "fail"),
    ):
        summary = summarise_times("", processes, limit=limit, confidence=Confidence(looks=(124,)))
        assert summary is not None
        assert summary.luck == pytest.approx(factor, rel=1e-3)
        assert summary.decision == decision


def test_the_looks_share_the_error_of_the_processes_too() -> None:
    """One-sided 98.75 % for each of four looks: t is 4.177 with three degrees of freedom."""
    medians = [100.0, 104.0, 98.0, 101.0]
    summary = summarise_times(
        "", [[value] * 31 for value in medians], limit=None, confidence=Confidence(looks=(124, 200, 300, 400))
    )
    assert summary is not None
    assert summary.luck == pytest.approx(factor_by_hand(medians, 4.177), rel=1e-3)


def test_the_description_and_the_bounds_are_order_statistics() -> None:
    """The numbers 1 to 124: bounds that leave out as many as may be over for a pass, and as many as a fail needs."""
    values = [float(value) for value in range(1, 125)]
    summary = summarise_times("itl_p95_ms", spread(values, 4), limit=None, confidence=Confidence(looks=(124,)))
    assert summary is not None
    assert summary.luck == 1  # the spread inside the processes explains that of their medians
    assert summary.name == "itl_p95_ms"
    assert (summary.requests, summary.processes, summary.level) == (124, 4, 0.95)
    assert summary.mean == mean(values)
    assert (summary.p50, summary.p90, summary.p95, summary.p99, summary.worst) == (62, 112, 118, 123, 124)
    assert (summary.upper, summary.lower) == (124 - 2, 124 + 1 - 11)
    assert (summary.limit, summary.over, summary.decision, summary.more_requests) == (None, None, None, None)


def test_the_bounds_are_wider_by_the_factor() -> None:
    medians = [100.0, 104.0, 98.0, 101.0]
    processes = [[value] * 31 for value in medians]
    summary = summarise_times("", processes, limit=None, confidence=Confidence(looks=(124,)))
    assert summary is not None
    factor = factor_by_hand(medians, T95[3])
    assert summary.upper == pytest.approx(104 * factor, rel=1e-3)  # 31 requests of 104 ms are the slowest
    assert summary.lower == pytest.approx(104 / factor, rel=1e-3)


@pytest.mark.parametrize("over", [4, 9])
def test_how_many_more_would_decide(over: int) -> None:
    confidence = Confidence(looks=(124,))
    summary = decided(124, over, confidence=confidence)
    assert summary.more_requests == more_requests(over=over, n=124, looks=(124,), quantile=0.95, level=0.95)
    assert summary.more_requests is not None


@pytest.mark.parametrize(("slow", "unlucky", "lucky"), [(3, 5, 3), (7, 9, 7)])
def test_more_requests_are_counted_against_the_likelier_verdict(slow: int, unlucky: int, lucky: int) -> None:
    """Below 5 % over the limit a pass is nearer, and must hold with every process slower; above it a fail, faster.

    Beside the slow requests there is one that is over the limit as measured, and one that is when slower.
    """
    processes = [[value] * 31 for value in (100.0, 104.0, 98.0, 101.0)]
    processes[0][: slow + 2] = [SLOW] * slow + [205.0, 195.0]
    summary = summarise_times("", processes, limit=LIMIT, confidence=Confidence(looks=(124,)))
    assert summary is not None
    assert 1.03 < summary.luck < 1.1
    assert (summary.over, summary.decision) == (slow + 1, "undecided")
    wanted = unlucky if slow + 1 < 0.05 * 124 else lucky
    assert summary.more_requests == more_requests(over=wanted, n=124, looks=(124,), quantile=0.95, level=0.95)
    assert summary.more_requests != more_requests(
        over=unlucky + lucky - wanted, n=124, looks=(124,), quantile=0.95, level=0.95
    )


@pytest.mark.parametrize("limit", [105.0, 98.0])
def test_where_only_the_processes_leave_it_open_more_requests_are_no_help(limit: float) -> None:
    """No request is over 105 ms, and most are over 98 ms; but a process to come may be 7 % slower or faster."""
    processes = [[value] * 31 for value in (100.0, 104.0, 98.0, 101.0)]
    summary = summarise_times("", processes, limit=limit, confidence=Confidence(looks=(124,)))
    assert summary is not None
    assert (summary.decision, summary.more_requests) == ("undecided", None)


def test_figures_are_rounded() -> None:
    processes = [[value] * 31 for value in (100.123456, 104.123456, 98.123456, 101.123456)]
    summary = summarise_times("", processes, limit=None, confidence=Confidence(looks=(124,)))
    assert summary is not None
    factor = process_factor(processes, level=0.95)
    assert summary.mean == round(100.873456, 3)
    assert (summary.luck, summary.upper) == (round(factor, 4), round(104.123456 * factor, 4))
    assert summary.lower == round(104.123456 / factor, 4)


def test_no_samples_are_no_summary() -> None:
    assert summarise_times("", [], limit=LIMIT, confidence=Confidence()) is None
    assert summarise_times("", [[], []], limit=LIMIT, confidence=Confidence()) is None


def test_the_evidence_in_words() -> None:
    summary = replace(decided(124, 3, confidence=Confidence(looks=(124,))), more_requests=70)
    assert explain(summary) == (
        "p95 from 100 ms to 300 ms, either end with 95 % confidence; 3 of 124 requests were over the limit, at most 2"
        " may be; about 70 more would decide"
    )
    assert explain(replace(summary, more_requests=None)).endswith(
        "; no number of requests is likely to decide, as the p95 is at the limit"
    )
    assert "more" not in explain(replace(summary, decision="pass"))
    alone = explain(replace(summary, processes=1))
    assert alone.endswith("; they were all of one process, whose luck nobody knows: two are needed")
    assert "whole processes" not in explain(replace(summary, luck=1.0009))
    assert ", 200 % of it for the luck of whole processes; " in explain(replace(summary, luck=3.0))
    assert explain(replace(summary, processes=2)).endswith("; about 70 more would decide")
    early = explain(replace(summary, most_over=None, lower=None, upper=None))
    assert "p95 from unknown to unknown" in early
    assert "even 0 would be too many so early" in early
