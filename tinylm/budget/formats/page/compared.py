"""The part of the page that compares with an earlier report."""

from __future__ import annotations

from tinylm.base.numerals import number
from tinylm.budget.formats.wording import OUTCOMES, change, compared, compared_label, when
from tinylm.budget.judge.verdict import Verdict
from tinylm.budget.report import BudgetReport, Comparison, LimitChange, Outcome
from tinylm.html.elements import paragraph, section, text

_TONES: dict[int, Verdict] = {0: "pass", 1: "fail", 3: "undecided"}
_VERDICTS: dict[Outcome, Verdict] = {"regressed": "fail", "undecided": "undecided"}
_MARKS = {"pass": "✓", "fail": "✗", "undecided": "?"}


def tone(comparison: Comparison) -> Verdict:
    """The verdict whose colour a comparison has."""
    return _TONES[comparison.exit_code]


def against(report: BudgetReport) -> str:
    """What became of every limit since; nothing without an earlier report."""
    comparison = report.comparison
    if comparison is None:
        return ""
    rows = "".join(_row(row) for row in comparison.rows)
    reasons = "".join(paragraph(reason) for reason in comparison.why_not)
    notes = "".join(paragraph(note, kind="note") for note in comparison.notes)
    return section(
        "Since an earlier report",
        f'<p class="{tone(comparison)}"><b>{text(compared(comparison))}.</b></p>',
        reasons,
        f'<ul class="plain">{rows}</ul>' if rows else "",
        notes,
        lead=f"Against {comparison.old_bundle} of {when(comparison.old_created)}.",
    )


def _row(row: LimitChange) -> str:
    verdict = _VERDICTS.get(row.verdict, "pass")
    moved, allowed = change(row)
    before, now = ("-" if value is None else number(value) for value in (row.old, row.new))
    return (
        f'<li><span class="chip {verdict}">{_MARKS[verdict]} {text(OUTCOMES[row.verdict])}</span>'
        f" <b>{text(compared_label(row))}</b> {before} → {now} {text(row.unit)}, {text(moved)}"
        f" (may be {text(allowed)})"
        f'<div class="evidence">{text(row.significance)}</div></li>'
    )
