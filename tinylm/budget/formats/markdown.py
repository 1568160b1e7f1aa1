"""The report as Markdown for people who look at a pull request: a comment, or the summary of a CI job.

GitHub's dialect: tables, alerts (`> [!WARNING]`), and `<details>` for what few want to see at once. Text out of the
report is escaped, so that it can neither break a table nor link, mention or draw anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tinylm.base.printable import printable
from tinylm.budget.formats import contents
from tinylm.budget.formats.contents import Judged, Table
from tinylm.budget.formats.wording import (
    caution,
    compared,
    disturbed,
    growth_words,
    headline,
    kinds_of_memory,
    ledger_words,
    machine,
    own_times_words,
    request,
    requests,
    served,
    verdict_of,
    when,
    where_instructions_come_from,
)
from tinylm.budget.judge.verdict import Verdict
from tinylm.budget.report import BudgetReport, exit_code

_MARKS: dict[Verdict, str] = {"pass": "✅", "fail": "❌", "undecided": "❔", "not_measured": "❔"}
# What stands in backquotes is a command or a name. Without pipes and backslashes it is the same in and out of a table.
_CODE = re.compile(r"`([^`|\\]+)`")
_MOST_INTERVALS = 30  # of hours of load: the page shows all of them
_SPECIAL = re.compile(r"[\\`*_\[\]|~#$]")


def to_markdown(report: BudgetReport) -> str:
    """The report as one Markdown document."""
    blocks = [
        f"## {_MARKS[verdict_of(exit_code(report, certify=False))]} {_text(_heading(report))}",
        *_alert(report),
        *_served(report),
        _table(contents.limits(report)),
        *_reasons(report),
        *_compared(report),
        *_advice(report),
        *_disturbances(report),
        *_estimate(report),
        *_times(report),
        *_sustained(report),
        *_ledger(report),
        _origin(report),
    ]
    return "\n\n".join(blocks) + "\n"


def _heading(report: BudgetReport) -> str:
    if report.comparison is None or report.comparison.exit_code == 0:
        return headline(report)
    return f"{headline(report)}. {compared(report.comparison)}"


def _compared(report: BudgetReport) -> Iterator[str]:
    comparison = report.comparison
    if comparison is None:
        return
    mark = _MARKS[verdict_of(comparison.exit_code)]
    old = f"{comparison.old_bundle} of {when(comparison.old_created)}"
    yield f"{mark} **{_text(compared(comparison))}**, against {_text(old)}."
    if comparison.rows:
        yield _table(contents.compared_limits(comparison))
        yield _folded("What the comparison rests on", _list(contents.compared_evidence(comparison)))
    if remarks := contents.remarks(comparison):
        yield _list(remarks)


def _alert(report: BudgetReport) -> Iterator[str]:
    if words := caution(report):
        yield f"> [!WARNING]\n> {_text(words)}"
    if report.notes:
        yield "> [!NOTE]\n> " + _list((report.bundle.kind, note) for note in report.notes).replace("\n", "\n> ")


def _served(report: BudgetReport) -> Iterator[str]:
    if words := served(report):
        yield f"Measured: {_text(words)}."


def _reasons(report: BudgetReport) -> Iterator[str]:
    """What is not a pass says why at once; the rest can be unfolded."""
    if rest := [result for result in report.limits if result.verdict != "pass"]:
        yield _list(contents.evidence(rest))
    if passed := [result for result in report.limits if result.verdict == "pass"]:
        yield _folded("What the passes rest on", _list(contents.evidence(passed)))


def _advice(report: BudgetReport) -> Iterator[str]:
    if report.advice:
        how = _list((advice.change, advice.how) for advice in report.advice)
        yield f"### What would pass instead\n\n{_table(contents.advised(report))}\n\n{how}"


def _disturbances(report: BudgetReport) -> Iterator[str]:
    if report.validity is None:
        yield "### Surroundings\n\nNo probe came back, so nothing was watched."
    elif report.validity.causes:
        causes = report.validity.causes
        words = ((cause.name, f"{disturbed(cause, report)}. What to do: {cause.hint}") for cause in causes)
        yield f"### What disturbed the measurement\n\n{_list(words)}"


def _times(report: BudgetReport) -> Iterator[str]:
    own = report.own_times
    found = report.times if own is None else own.times
    if not found:
        return
    note = f"{_text(requests(report))}; either end of a p95 with that confidence, all looks together. One request:"
    body = f"{_table(contents.times(found))}\n\n{note} {_text(request(report.budget))}."
    if own is None:
        yield f"### Times\n\n{body}"
    else:
        yield _folded("This machine's own times", f"{_text(own_times_words(report))}.\n\n{body}")


def _estimate(report: BudgetReport) -> Iterator[str]:
    if report.estimate is not None:
        source = f"Instructions are {_text(where_instructions_come_from(report.estimate))}."
        yield f"### Estimated times\n\n{_table(contents.estimated_times(report.estimate))}\n\n{source}"


def _sustained(report: BudgetReport) -> Iterator[str]:
    if report.soak is not None and (intervals := report.soak.intervals):
        shown = intervals[:: -(-len(intervals) // _MOST_INTERVALS)]
        yield _folded("Sustained load over time", _table(contents.sustained_load(shown)))


def _ledger(report: BudgetReport) -> Iterator[str]:
    if report.ledger is None:
        return
    note = f"{ledger_words(report.ledger)} {growth_words(report.ledger)}"
    if counted := kinds_of_memory(report):
        note += f" The process with the highest peak, in MB: {_text(counted)}."
    yield _folded("Where the memory goes", f"{_table(contents.memory_parts(report.ledger))}\n\n{note}")


def _origin(report: BudgetReport) -> str:
    what = f"{report.bundle.kind} {report.bundle.sha256[:12]}"
    words = (machine(report.device.facts), what, f"tinylm {report.tinylm}", when(report.created))
    return f"<sub>{' · '.join(_text(word) for word in words)}</sub>"


def _list(rows: Iterable[tuple[str, str]]) -> str:
    """Labels in bold letters, each with its sentence."""
    return "\n".join(f"- **{_text(name)}:** {_text(words)}" for name, words in rows)


def _folded(title: str, body: str) -> str:
    """`title` stands in HTML as it is. Without the empty lines GitHub would not read the body as Markdown."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _table(table: Table) -> str:
    head = [name.removesuffix(">") for name in table.head]
    rule = ["--:" if name.endswith(">") else "---" for name in table.head]
    total = [[f"**{cell}**" for cell in table.total]] if table.total else []
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows, *total))


def _cell(cell: str) -> str:
    return f"{_MARKS[cell.verdict]} {cell}" if isinstance(cell, Judged) else _text(cell)


def _text(text: str) -> str:
    """Text as Markdown that shows it: pairs of backquotes stay code, nothing else means anything."""
    pieces = _CODE.split(printable(text).strip())  # a space would end bold letters
    return "".join(f"`{piece}`" if place % 2 else _plain(piece) for place, piece in enumerate(pieces))


def _plain(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\g<0>", text)
    # A joiner of no width keeps GitHub from notifying people, and from making links of addresses.
    return text.replace("@", "@\u2060").replace("://", ":\u2060//").replace("www.", "www\u2060.")
