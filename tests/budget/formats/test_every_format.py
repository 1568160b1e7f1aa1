"""What a page and Markdown both say."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from html_pages import Page
from markdown_pages import Rendered
from rich.console import Console

from tinylm.budget.formats.junit import to_junit
from tinylm.budget.formats.markdown import to_markdown
from tinylm.budget.formats.page import to_html
from tinylm.budget.formats.table import print_report
from tinylm.budget.formats.wording import served
from tinylm.budget.report import BudgetReport
from tinylm.runtime.measurement.protocol import Serving

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


def test_what_was_measured_is_said_where_it_is_a_server(full_report: BudgetReport) -> None:
    serving = Serving(parallel=4, filter_name="en+es", filter_sha256="ab" * 32)
    samples = tuple(replace(process, serving=serving) for process in full_report.samples)
    report = replace(full_report, process="server", samples=samples)
    words = "the serving process (`tinylm serve`), over HTTP; at most 4 texts at a time, content filter en+es"
    plain = words.replace("`", "")
    output = io.StringIO()
    print_report(report, Console(file=output, width=200))
    assert words in output.getvalue()
    assert words in to_junit(report)
    assert plain in Page(to_html(report)).text.replace("`", "")
    assert plain in Rendered(to_markdown(report)).text.replace("`", "")
    off = replace(samples[0], serving=replace(serving, filter_name=None, filter_sha256=None))
    assert served(replace(report, samples=(off,))).endswith("content filter off")
    assert served(replace(report, samples=())) == "the serving process (`tinylm serve`), over HTTP"
    assert served(full_report) == ""
