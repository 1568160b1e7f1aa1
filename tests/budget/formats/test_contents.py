"""What a report says is the same in every format: each row of its tables, cell by cell."""

from __future__ import annotations

import html
import io
import re

import pytest
from rich.console import Console

from tinylm.budget.formats import contents
from tinylm.budget.formats.contents import Table
from tinylm.budget.formats.markdown import to_markdown
from tinylm.budget.formats.page import to_html
from tinylm.budget.formats.table import print_report
from tinylm.budget.report import BudgetReport


def tables(report: BudgetReport) -> dict[str, Table]:
    assert report.comparison is not None
    assert report.soak is not None
    assert report.ledger is not None
    return {
        "limits": contents.limits(report),
        "compared": contents.compared_limits(report.comparison),
        "advised": contents.advised(report),
        "times": contents.times(report.times),
        "sustained": contents.sustained_load(report.soak.intervals),
        "memory": contents.memory_parts(report.ledger),
    }


NAMES = ("limits", "compared", "advised", "times", "sustained", "memory")


def in_one_line(row: tuple[str, ...], lines: list[str]) -> bool:
    """Whether a line has all cells in their order."""
    pattern = re.compile(".*".join(re.escape(cell) for cell in row))
    return any(pattern.search(line) for line in lines)


@pytest.mark.parametrize("name", NAMES)
def test_markdown_has_every_row(full_report: BudgetReport, name: str) -> None:
    lines = to_markdown(full_report).replace("\\", "").splitlines()
    table = tables(full_report)[name]
    assert table.rows
    for row in (table.head, *table.rows, *([table.total] if table.total else [])):
        assert in_one_line(tuple(cell.removesuffix(">") for cell in row), lines), row


@pytest.mark.parametrize("name", ["limits", "advised", "times", "memory"])
def test_the_terminal_has_every_row(full_report: BudgetReport, name: str) -> None:
    out = io.StringIO()
    print_report(full_report, Console(file=out, width=200, color_system=None, highlight=False))
    table = tables(full_report)[name]
    for row in (*table.rows, *([table.total] if table.total else [])):
        assert in_one_line(row, out.getvalue().splitlines()), row


@pytest.mark.parametrize("name", ["times", "sustained", "memory"])
def test_the_page_has_every_row(full_report: BudgetReport, name: str) -> None:
    rows = [
        tuple(html.unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row))
        for row in re.findall("<tr>(.*?)</tr>", to_html(full_report))
    ]
    table = tables(full_report)[name]
    head = tuple(title.removesuffix(">") for title in table.head)
    assert {head, *table.rows, *([table.total] if table.total else [])} <= set(rows)


def test_verdicts_have_their_marks(full_report: BudgetReport) -> None:
    assert {cell.verdict for row in contents.limits(full_report).rows for cell in row if hasattr(cell, "verdict")} == {
        result.verdict for result in full_report.limits
    }
    document = to_markdown(full_report)
    for mark, words in (("❌", "fail"), ("✅", "pass"), ("❔", "undecided"), ("❔", "not measured")):
        assert f"| {mark} {words} |" in document
