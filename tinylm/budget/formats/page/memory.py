"""The part of the page about memory: where it goes, and whether it grows."""

from __future__ import annotations

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.budget.formats import contents
from tinylm.budget.formats.wording import growth_words, kinds_of_memory, ledger_words
from tinylm.budget.measure.memory_ledger import Ledger
from tinylm.budget.report import BudgetReport
from tinylm.html.charts import Bar, Chart, Series, bar_chart, line_chart
from tinylm.html.elements import columns, figure, paragraph, section, table

_SHORT = {
    "tinylm and the standard library": "tinylm, standard library",
    "working memory of a request": "memory of a request",
}
"""A chart has room for some 24 letters; the table beside it has the names in full."""


def memory(report: BudgetReport) -> str:
    """The ledger as a picture and as a table, and growth over requests; nothing where it was not measured."""
    ledger = report.ledger
    if ledger is None:
        return ""
    charts = figure(lambda: _parts(ledger)) + figure(lambda: _growth(ledger), caption=growth_words(ledger))
    counted = kinds_of_memory(report)
    kinds = paragraph(f"The process with the highest peak, in MB: {counted}.") if counted else ""
    parts = columns(charts, table(*contents.memory_parts(ledger)))
    return section("Where the memory goes", parts, kinds, lead=ledger_words(ledger))


def _parts(ledger: Ledger) -> list[Chart]:
    bars = [
        # A step that gave memory back has no bar; the table has its number.
        Bar(
            label=_SHORT.get(entry.part, printable(entry.part)),
            parts=(max(entry.own_mb, 0.0), max(entry.files_mb, 0.0)),
            text=number(entry.own_mb + entry.files_mb),
        )
        for entry in ledger.entries
    ]
    labels = ("own memory", "mapped files")
    return [bar_chart(bars, title="Resident memory by part", x_label="MB", part_labels=labels)] if bars else []


def _growth(ledger: Ledger) -> list[Chart]:
    points = tuple((float(reading.requests), reading.anonymous_bytes / 1e6) for reading in ledger.growth)
    if not points:
        return []
    series = [Series(label="own memory of the process", points=points)]
    title = "Growth over requests (the axis does not begin at 0)"
    return [line_chart(series, title=title, x_label="requests", y_label="MB", from_zero=False)]
