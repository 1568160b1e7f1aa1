"""Markdown: rendered, it says everything that matters, and nothing in a report can break, link or mention."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_pages import Rendered
from sample_reports import estimated

from tinylm.base.printable import printable
from tinylm.budget.formats.markdown import to_markdown
from tinylm.budget.report import BudgetReport

TEXT = st.text(st.sampled_from("a`|\\<>&*_[]()!#@~$:/w.\n\r\x00\u202e "), max_size=30)


def test_it_says_everything_that_matters(full_report: BudgetReport) -> None:
    text = Rendered(to_markdown(full_report)).text
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
    assert full_report.ledger is None or all(entry.part in text for entry in full_report.ledger.entries)
    assert full_report.bundle.sha256[:12] in text


def test_every_limit_has_its_row(full_report: BudgetReport) -> None:
    rows = [line for line in to_markdown(full_report).splitlines() if line.startswith("|")]
    table = rows[2 : 2 + len(full_report.limits)]
    marks = {"pass": "✅ pass", "fail": "❌ fail", "undecided": "❔ undecided", "not_measured": "❔ not measured"}
    for row, limit in zip(table, full_report.limits, strict=True):
        assert marks[limit.verdict] in row


def test_another_machine_is_a_warning(full_report: BudgetReport) -> None:
    apart = replace(full_report.device, differences=("its architecture is x86_64, not aarch64",))
    document = to_markdown(replace(full_report, device=apart))
    assert "> [!WARNING]\n> Not measured on the budget's device" in document
    assert "Its architecture is x86\\_64, not aarch64." in document
    assert "[!WARNING]" not in to_markdown(full_report)


def test_estimated_times_are_no_measured_ones(full_report: BudgetReport) -> None:
    text = Rendered(to_markdown(estimated(full_report))).text
    assert "Estimated only" in text
    assert "Estimated times" in text
    assert "p95 at 95 % confidence" not in text
    assert "p95 at 95 % confidence" in Rendered(to_markdown(full_report)).text


def headings(report: BudgetReport) -> list[str]:
    return re.findall("^(?:### |<summary>)(.*?)(?:</summary>)?$", to_markdown(report), re.MULTILINE)


@pytest.mark.parametrize(
    ("none", "heading"),
    [
        ("comparison", "What the comparison rests on"),
        ("ledger", "Where the memory goes"),
        ("soak", "Sustained load over time"),
        ("estimate", "Estimated times"),
    ],
)
def test_what_was_not_measured_is_left_out_and_nothing_else(full_report: BudgetReport, none: str, heading: str) -> None:
    complete = estimated(full_report) if none == "estimate" else full_report
    without = replace(complete, **{none: None})  # type: ignore[arg-type]
    assert headings(complete).count(heading) == 1
    assert headings(without) == [title for title in headings(complete) if title != heading]


def test_surroundings_that_nobody_watched(full_report: BudgetReport) -> None:
    text = Rendered(to_markdown(replace(full_report, validity=None))).text
    assert "nothing was watched" in text
    assert "sudo swapoff" not in text


@pytest.fixture(scope="module")
def tame(full_report: BudgetReport, with_text: Callable[..., Any]) -> tuple[list[str], int]:
    """The tags and the number of lines of a report whose texts mean nothing."""
    document = to_markdown(with_text(full_report, "x"))
    return Rendered(document).tags, len(document.splitlines())


@given(text=TEXT)
@example(text="`a``<img src=x>` | `b")
@example(text="\\`<b>`")
@example(text="](http://example.org) @someone #1 www.example.org")
@example(text="``x`<b>`")
def test_no_text_means_anything(
    full_report: BudgetReport, with_text: Callable[..., Any], tame: tuple[list[str], int], text: str
) -> None:
    hostile = to_markdown(with_text(full_report, text))
    rendered = Rendered(hostile)
    assert (rendered.tags, len(hostile.splitlines())) == tame
    assert not re.search(r"@\w|https?://|www\.", rendered.prose)


@given(text=TEXT.filter(lambda text: "`" not in text and bool(text.strip())))
def test_text_is_shown_as_it_is(full_report: BudgetReport, text: str) -> None:
    limit = replace(full_report.limits[0], evidence=text)
    shown = Rendered(to_markdown(replace(full_report, limits=(limit,)))).text
    assert " ".join(f"bundle size: {printable(text)}".split()) in " ".join(shown.split())
