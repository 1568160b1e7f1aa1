"""The page: well-formed, alone in the world, complete, and deaf to what a report would make it do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from html_pages import Page
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sample_reports import estimated

from tinylm.budget.formats.page import to_html
from tinylm.budget.report import BudgetReport
from tinylm.html.elements import style


def test_it_asks_for_nothing_and_runs_nothing(full_report: BudgetReport) -> None:
    source = to_html(full_report)
    page = Page(source)
    assert not {"script", "img", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert not {"src", "href", "srcset", "xlink:href", "action"} & page.attributes
    assert not [name for name in page.attributes if name.startswith("on")]
    assert "http" not in source.replace("http-equiv", "")
    assert "url(" not in style()
    assert "@import" not in style()
    assert "default-src 'none'" in source


def test_it_says_everything_that_matters(full_report: BudgetReport) -> None:
    text = Page(to_html(full_report)).text
    assert "does not fit the budget host: bundle size" in text
    for limit in full_report.limits:
        assert limit.evidence.replace("`", "") in text
    assert "the whole text is run again for every token" in text
    assert full_report.validity is not None
    for cause in full_report.validity.causes:
        assert cause.what in text
        assert cause.hint.replace("`", "") in text
    for advice in full_report.advice:
        assert advice.change.replace("`", "") in text
        assert advice.how in text
    assert full_report.ledger is None or all(entry.part in text for entry in full_report.ledger.entries)
    for words in (full_report.bundle.sha256, full_report.device.facts.model, full_report.budget.description):
        assert words in text


def test_every_picture_is_there(full_report: BudgetReport) -> None:
    text = Page(to_html(full_report)).text
    for title in (
        "How long requests took",
        "Every request",
        "The same fixed work",
        "Latency under load",
        "Temperature",
        "Clock of the slowest cores",
        "What a start spends its time on",
        "Resident memory by part",
        "Growth over requests",
    ):
        assert title in text, title
    assert "limit 9000 ms, off the scale" in text


def test_each_limit_has_its_verdict_and_a_bar_where_it_has_a_number(full_report: BudgetReport) -> None:
    source = to_html(full_report)
    rows = re.findall(r'<li class="(\w+)"><span class="name">.*?</li>', source)
    assert rows == [limit.verdict for limit in full_report.limits]
    numbers = sum(limit.margin is not None for limit in full_report.limits)
    assert source.count('class="track"') == numbers


def test_a_limit_that_is_exceeded_stands_inside_its_bar(full_report: BudgetReport) -> None:
    double = replace(full_report.limits[0], measured=20.0, limit=10.0, margin=-1.0)
    source = to_html(replace(full_report, limits=(double,)))
    assert 'class="fill" style="width:100.00%"' in source
    assert 'class="stop" style="left:50.00%"' in source


def test_an_estimate_has_its_error_bar(full_report: BudgetReport) -> None:
    """From 50 to 200 of 100: the limit is the middle of the track."""
    latency = replace(full_report.limits[0], measured=80.0, low=50.0, high=200.0, limit=100.0, margin=0.2)
    source = to_html(replace(full_report, limits=(latency,)))
    assert 'class="fill" style="width:40.00%"' in source
    assert 'class="error-bar" style="left:25.00%;width:75.00%"' in source
    assert 'class="stop" style="left:50.00%"' in source
    assert "<b>80 (50 to 200)</b>" in source


def test_another_machine_and_an_estimate_have_a_banner(full_report: BudgetReport) -> None:
    apart = replace(full_report.device, differences=("its architecture is x86_64, not aarch64",))
    assert "Not measured on the budget's device" in Page(to_html(replace(full_report, device=apart))).text
    text = Page(to_html(estimated(full_report))).text
    assert "Estimated only" in text
    assert "What the estimate is made of" in text
    assert "How long requests took" not in text
    assert 'class="caution"' not in to_html(full_report)


def headings(report: BudgetReport) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", to_html(report))


@pytest.mark.parametrize(
    ("none", "heading"),
    [
        ("comparison", "Since an earlier report"),
        ("cold_start", "Cold start"),
        ("ledger", "Where the memory goes"),
        ("soak", "Sustained load"),
        ("estimate", "Estimated times"),
    ],
)
def test_what_was_not_measured_is_left_out_and_nothing_else(full_report: BudgetReport, none: str, heading: str) -> None:
    complete = estimated(full_report) if none == "estimate" else full_report
    without = replace(complete, **{none: None})  # type: ignore[arg-type]
    assert headings(complete).count(heading) == 1
    assert headings(without) == [title for title in headings(complete) if title != heading]


def test_surroundings_that_nobody_watched(full_report: BudgetReport) -> None:
    text = Page(to_html(replace(full_report, validity=None))).text
    assert "nothing was watched" in text
    assert "waiting for a core" not in text
    assert "it was hot" not in text.replace("void: it was hot", "")  # the limit keeps its evidence


def test_a_machine_that_tells_little(full_report: BudgetReport) -> None:
    """No /proc, no temperature: None wherever a report may hold it."""
    dumb = [
        replace(process, cold_start_ms=None, stages=tuple(replace(stage, until_ms=None) for stage in process.stages))
        for process in full_report.samples
    ]
    facts = replace(full_report.device.facts, memory_mb=None, governor=None, onnxruntime=None, isa=())
    moments = tuple(replace(moment, temperature_c=None, clock_mhz=None) for moment in full_report.moments)
    times = tuple(replace(time, lower=None, upper=None, limit=None) for time in full_report.times)
    report = replace(
        full_report,
        samples=tuple(dumb),
        moments=moments,
        times=times,
        device=replace(full_report.device, facts=facts),
    )
    text = Page(to_html(report)).text
    assert "Heat and clock" not in text
    assert "? to ?" in text


def test_numbers_that_cannot_be_drawn_are_said_to_be(full_report: BudgetReport) -> None:
    process = replace(full_report.samples[0], latency_ms=(1e308, -1e308), at_ms=(0.0, 1e308))
    assert "cannot be drawn" in Page(to_html(replace(full_report, samples=(process,)))).text


@pytest.fixture(scope="module")
def tame(full_report: BudgetReport, with_text: Callable[..., Any]) -> Page:
    """The page of a report whose texts mean nothing."""
    return Page(to_html(with_text(full_report, "x")))


@settings(max_examples=40)
@given(text=st.text(st.characters(codec=None, exclude_categories=()), max_size=30))
@example(text="</style><script>alert(1)</script>")
@example(text='" onload="alert(1)')
@example(text="' style='x")
@example(text="`<img src=x onerror=alert(1)>`")
@example(text="]]><!-- &lt; -->\x00\ud800")
def test_no_text_means_anything(
    full_report: BudgetReport, with_text: Callable[..., Any], tame: Page, text: str
) -> None:
    hostile = to_html(with_text(full_report, text))
    hostile.encode()
    page = Page(hostile)

    def shape(tags: list[str]) -> list[str]:
        return [tag for tag in tags if tag not in ("code", "text", "title", "tspan")]  # an empty label draws nothing

    assert shape(page.tags) == shape(tame.tags)
    assert page.attributes <= tame.attributes
