"""What a page and Markdown both say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from html_pages import Page
from markdown_pages import Rendered

from tinylm.budget.formats.markdown import to_markdown
from tinylm.budget.formats.page import to_html
from tinylm.budget.report import BudgetReport

Form = tuple[Callable[[BudgetReport], str], Callable[[str], Page | Rendered], str]


@pytest.fixture(params=[(to_html, Page, '<header class="fail">'), (to_markdown, Rendered, "## ❌")], ids=["html", "md"])
def form(request: pytest.FixtureRequest) -> Form:
    """What writes it, what reads it, and how a failure begins."""
    found: Form = request.param
    return found


def test_a_regression_is_said_at_once(regressed_report: BudgetReport, form: Form) -> None:
    write, read, failure = form
    document = write(regressed_report)
    assert failure in document
    text = read(document).text
    assert "Regressed: bundle size" in text
    assert "Python was 3.11.2 and is 3.13.5" in text
    assert regressed_report.comparison is not None
    reasons = [row.significance for row in regressed_report.comparison.rows]
    # Backticks, as round the name of a busy neighbour, are code.
    assert [reason for reason in reasons if reason.replace("`", "") not in text.replace("`", "")] == []


def test_why_there_is_no_comparison(incomparable_report: BudgetReport, form: Form) -> None:
    write, read, _ = form
    assert "another machine" in read(write(incomparable_report)).text


def test_a_dead_probe(report_without_a_probe: BudgetReport, form: Form) -> None:
    write, read, _ = form
    assert "No probe came back" in read(write(report_without_a_probe)).text
