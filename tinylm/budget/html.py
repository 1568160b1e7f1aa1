"""The report as one HTML page: it asks for nothing from anywhere, runs no program, and reads well on a phone.

The parts live in `tinylm.budget.page`; here is their order. The page forbids itself, by its content security policy,
to load or run anything, so that a report from somebody else can be opened without a thought.
"""

from __future__ import annotations

from tinylm.budget.page.compared import against
from tinylm.budget.page.elements import text
from tinylm.budget.page.memory import memory
from tinylm.budget.page.origin import machine_and_budget, quality
from tinylm.budget.page.results import advice, banner, limits, surroundings
from tinylm.budget.page.style import style
from tinylm.budget.page.times import conditions, estimated, starts, sustained, warm
from tinylm.budget.report import Report
from tinylm.budget.wording import headline, when

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def to_html(report: Report) -> str:
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
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{text(headline(report).replace('`', ''))}</title><style>{style()}</style></head>\n"
        f"<body><main>\n{''.join(parts)}<footer>{text(footer)}</footer></main></body></html>\n"
    )
