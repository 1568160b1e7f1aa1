"""The report as one HTML page: here is the order of its parts."""

from __future__ import annotations

from tinylm.budget.formats.page.memory import memory
from tinylm.budget.formats.page.origin import machine_and_budget, quality
from tinylm.budget.formats.page.times import conditions, estimated, starts, sustained, warm
from tinylm.budget.formats.page.verdict import advice, against, banner, limits, surroundings
from tinylm.budget.formats.wording import headline, when
from tinylm.budget.report import BudgetReport
from tinylm.html.elements import document


def to_html(report: BudgetReport) -> str:
    """The report as one document."""
    parts = (
        banner(report),
        against(report),
        limits(report),
        advice(report),
        surroundings(report),
        estimated(report),
        warm(report),
        sustained(report),
        starts(report),
        conditions(report),
        memory(report),
        quality(report),
        machine_and_budget(report),
    )
    footer = f"Made by tinylm {report.tinylm} from a report of {when(report.created)}, schema {report.schema}."
    return document(title=headline(report), parts=parts, footer=footer)
