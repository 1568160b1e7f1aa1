"""The report as Markdown for people who look at a pull request: a comment, or the summary of a CI job.

GitHub's dialect: tables, alerts (`> [!WARNING]`), and `<details>` for what few want to see at once. Text out of the
report is escaped, so that it can neither break a table nor link, mention or draw anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.budget.formats.wording import (
    OUTCOMES,
    VERDICTS,
    amount,
    caution,
    change,
    compared,
    compared_label,
    figure_in_unit,
    headline,
    kinds_of_memory,
    label,
    machine,
    own_times_words,
    percent,
    request,
    used,
    voids,
    when,
    where_instructions_come_from,
)
from tinylm.budget.judge.times import TimeSummary
from tinylm.budget.judge.verdict import LimitResult, Verdict
from tinylm.budget.report import BudgetReport, Outcome, exit_code

_MARKS: dict[Verdict, str] = {"pass": "✅", "fail": "❌", "undecided": "❔", "not_measured": "❔"}
# What stands in backquotes is a command or a name. Without pipes and backslashes it is the same in and out of a table.
_CODE = re.compile(r"`([^`|\\]+)`")
_OUTCOME_MARKS: dict[Outcome, str] = {"regressed": "❌", "undecided": "❔"}
_MOST_INTERVALS = 30  # of hours of load: the page shows all of them
_SPECIAL = re.compile(r"[\\`*_\[\]|~#$]")


def to_markdown(report: BudgetReport) -> str:
    """The report as one Markdown document."""
    blocks = [
        f"## {_mark(report)} {_text(_heading(report))}",
        *_alert(report),
        _limits(report),
        *_reasons(report),
        *_compared(report),
        *_advice(report),
        *_causes(report),
        *_estimate(report),
        *_times(report),
        *_sustained(report),
        *_ledger(report),
        _origin(report),
    ]
    return "\n\n".join(blocks) + "\n"


def _mark(report: BudgetReport) -> str:
    """Of the whole: a regression makes a pass none."""
    return {0: "✅", 1: "❌"}.get(exit_code(report, certify=False), "❔")


def _heading(report: BudgetReport) -> str:
    if report.comparison is None or report.comparison.exit_code == 0:
        return headline(report)
    return f"{headline(report)}. {compared(report.comparison)}"


def _compared(report: BudgetReport) -> Iterator[str]:
    comparison = report.comparison
    if comparison is None:
        return
    mark = {0: "✅", 1: "❌"}.get(comparison.exit_code, "❔")
    old = f"{comparison.old_bundle} of {when(comparison.old_created)}"
    yield f"{mark} **{_text(compared(comparison))}**, against {_text(old)}."
    if comparison.rows:
        rows = [
            (
                _text(compared_label(row)),
                _text(amount(row.old, row.unit)),
                _text(amount(row.new, row.unit)),
                *(_text(words) for words in change(row)),
                f"{_OUTCOME_MARKS.get(row.verdict, '✅')} {OUTCOMES[row.verdict]}",
            )
            for row in comparison.rows
        ]
        yield _table(("limit", "before", "now", "change", "may be", "verdict"), rows, right=range(1, 5))
        reasons = [f"- **{_text(compared_label(row))}:** {_text(row.significance)}" for row in comparison.rows]
        yield _folded("What the comparison rests on", "\n".join(reasons))
    remarks = [("why not", reason) for reason in comparison.why_not] + [("note", note) for note in comparison.notes]
    if remarks:
        yield "\n".join(f"- **{kind}:** {_text(words)}" for kind, words in remarks)


def _alert(report: BudgetReport) -> Iterator[str]:
    words = caution(report)
    if words is not None:
        yield f"> [!WARNING]\n> {_text(words)}"
    if report.notes:
        yield "> [!NOTE]\n> " + "\n> ".join(f"- **{report.bundle.kind}:** {_text(note)}" for note in report.notes)


def _limits(report: BudgetReport) -> str:
    rows = [
        (
            _text(label(result.name)),
            _text(figure_in_unit(result)),
            _text(amount(result.limit, result.unit)),
            percent(used(result)),
            f"{_MARKS[result.verdict]} {VERDICTS[result.verdict]}",
            result.basis,
        )
        for result in report.limits
    ]
    return _table(("limit", "figure", "allowed", "used", "verdict", "basis"), rows, right=(1, 2, 3))


def _reasons(report: BudgetReport) -> Iterator[str]:
    """What is not a pass says why at once; the rest can be unfolded."""
    open_ = [result for result in report.limits if result.verdict != "pass"]
    passed = [result for result in report.limits if result.verdict == "pass"]
    if open_:
        yield _evidence(open_)
    if passed:
        yield _folded("What the passes rest on", _evidence(passed))


def _evidence(results: Sequence[LimitResult]) -> str:
    return "\n".join(f"- **{_text(label(result.name))}:** {_text(result.evidence)}" for result in results)


def _advice(report: BudgetReport) -> Iterator[str]:
    if not report.advice:
        return
    rows = [
        (
            _text(label(advice.limit)),
            _text(advice.change),
            _text(amount(advice.predicted, advice.unit)),
            "yes" if advice.passes else "no",
            f"{_text(advice.how)} ({advice.basis})",
        )
        for advice in report.advice
    ]
    table = _table(("limit", "change", "predicted", "would pass", "rests on"), rows, right=(2,))
    yield f"### What would pass instead\n\n{table}"


def _causes(report: BudgetReport) -> Iterator[str]:
    if report.validity is None:
        yield "### Surroundings\n\nNo probe came back, so nothing was watched."
    elif report.validity.causes:
        lines = [
            f"- **{_text(cause.name)}:** {_text(cause.what)}. {_text(voids(cause, report)).capitalize()}."
            f" *What to do:* {_text(cause.hint)}"
            for cause in report.validity.causes
        ]
        yield "### What disturbed the measurement\n\n" + "\n".join(lines)


def _times(report: BudgetReport) -> Iterator[str]:
    if report.own_times is not None:
        title = f"{_text(own_times_words(report))}."
        yield _folded("This machine's own times", f"{title}\n\n{_summaries(report, report.own_times.times)}")
    elif report.times:
        yield f"### Times\n\n{_summaries(report, report.times)}"


def _summaries(report: BudgetReport, times: Sequence[TimeSummary]) -> str:
    rows = [
        (
            _text(label(time.name)).removesuffix(", p95"),
            *(number(value) for value in (time.p50, time.p90, time.p95, time.p99, time.worst)),
            f"{_bound(time.lower)} to {_bound(time.upper)}",
            str(time.requests),
        )
        for time in times
    ]
    head = ("ms", "p50", "p90", "p95", "p99", "worst", "p95 lies in", "requests")
    sure = f"Either end of `p95 lies in` with {100 * times[0].level:.4g} % confidence, all looks together."
    return f"{_table(head, rows, right=range(1, 8))}\n\n{sure} One request: {_text(request(report))}."


def _bound(value: float | None) -> str:
    return "?" if value is None else number(value)


def _estimate(report: BudgetReport) -> Iterator[str]:
    if report.estimate is None:
        return
    parts = (
        ("latency", report.estimate.latency),
        ("first token", report.estimate.ttft),
        ("per token", report.estimate.itl),
    )
    rows = [
        (
            name,
            f"{time.instructions / 1e6:.4g}",
            number(time.compute.ms),
            number(time.memory.ms),
            number(time.total.ms),
            f"{number(time.total.low_ms)} to {number(time.total.high_ms)}",
        )
        for name, time in parts
    ]
    head = ("estimated", "million instructions", "computing, ms", "reading weights, ms", "total, ms", "error bar, ms")
    source = f"Instructions are {_text(where_instructions_come_from(report.estimate))}."
    yield f"### Estimated times\n\n{_table(head, rows, right=range(1, 6))}\n\n{source}"


def _sustained(report: BudgetReport) -> Iterator[str]:
    soak = report.soak
    if soak is None or not soak.intervals:
        return
    rows = [
        (
            f"{interval.until_s / 60:.1f}",
            number(interval.p50_ms),
            number(interval.p95_ms),
            number(interval.worst_ms),
            "-" if interval.temperature_c is None else f"{interval.temperature_c:.0f}",
            "-" if interval.clock_mhz is None else f"{interval.clock_mhz:.0f}",
        )
        for interval in soak.intervals[:: -(-len(soak.intervals) // _MOST_INTERVALS)]
    ]
    head = ("minutes", "p50, ms", "p95, ms", "worst, ms", "°C", "MHz")
    yield _folded("Sustained load over time", _table(head, rows, right=range(6)))


def _ledger(report: BudgetReport) -> Iterator[str]:
    ledger = report.ledger
    if ledger is None:
        return
    rows = [
        (_text(e.part), number(e.own_mb), number(e.files_mb), number(e.own_mb + e.files_mb)) for e in ledger.entries
    ]
    rows.append(("**together**", "", "", f"**{number(ledger.total_mb)}**"))
    growth = "too few requests to tell" if ledger.growth_mb is None else f"{number(ledger.growth_mb)} MB"
    note = (
        f"Resident at the end: {number(ledger.resident_mb)} MB; at the peak: {number(ledger.peak_mb)} MB."
        f" Growth in 1000 requests once warm: {growth}."
    )
    if (counted := kinds_of_memory(report)) is not None:
        note += f" The probe with the highest peak, in MB: {_text(counted)}."
    table = _table(("MB", "own", "mapped files", "together"), rows, right=range(1, 4))
    yield _folded("Where the memory goes", f"{table}\n\n{note}")


def _origin(report: BudgetReport) -> str:
    what = f"{report.bundle.kind} {report.bundle.sha256[:12]}"
    words = (machine(report), what, f"tinylm {report.tinylm}", when(report.created))
    return f"<sub>{' · '.join(_text(word) for word in words)}</sub>"


def _folded(title: str, body: str) -> str:
    """`title` stands in HTML as it is. Without the empty lines GitHub would not read the body as Markdown."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int]) -> str:
    """A table of cells that are Markdown already; `right` names the columns of numbers."""
    rule = ["--:" if place in right else "---" for place in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _text(text: str) -> str:
    """Text as Markdown that shows it: pairs of backquotes stay code, nothing else means anything."""
    pieces = _CODE.split(printable(text).strip())  # a space would end bold letters
    return "".join(f"`{piece}`" if place % 2 else _plain(piece) for place, piece in enumerate(pieces))


def _plain(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\g<0>", text)
    # A joiner of no width keeps GitHub from notifying people, and from making links of addresses.
    return text.replace("@", "@\u2060").replace("://", ":\u2060//").replace("www.", "www\u2060.")
