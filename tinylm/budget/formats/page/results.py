"""The parts of the page that judge: verdict, limits, what would pass instead, what disturbed the measurement."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.base.numerals import number
from tinylm.budget.formats.page.compared import tone
from tinylm.budget.formats.wording import (
    VERDICTS,
    amount,
    caution,
    compared,
    figure,
    headline,
    label,
    machine,
    percent,
    request,
    used,
    voids,
    when,
)
from tinylm.budget.judge.advice import Advice
from tinylm.budget.judge.validity import Cause, Validity
from tinylm.budget.judge.verdict import LimitResult, Verdict
from tinylm.budget.report import BudgetReport
from tinylm.html.elements import attribute, columns, facts, paragraph, section, text

_MARKS: dict[Verdict, str] = {"pass": "✓", "fail": "✗", "undecided": "?", "not_measured": "?"}

_WORST_LAST: tuple[Verdict, ...] = ("pass", "not_measured", "undecided", "fail")


def banner(report: BudgetReport) -> str:
    """What comes first: the verdict, what it is worth, and what it is about."""
    words, comparison = caution(report), report.comparison
    tags = "".join(
        f"<li>{text(tag)}</li>"
        for tag in (
            f"basis: {report.basis}",
            machine(report),
            request(report),
            when(report.created),
            f"tinylm {report.tinylm}",
        )
    )
    chips, worst = _chip(report.verdict, "verdict"), report.verdict
    if comparison is not None:
        since = tone(comparison)
        chips += f' <span class="chip verdict {since}">{_MARKS[since]} {text(compared(comparison))}</span>'
        worst = max(worst, since, key=_WORST_LAST.index)
    return (
        f'<header class="{worst}"><p class="eyebrow">Budget report</p><div class="chips">{chips}</div>'
        f"<h1>{text(headline(report))}</h1>"
        f"{paragraph(words, kind='caution') if words else ''}"
        f"{''.join(paragraph(note, kind='note') for note in report.notes)}"
        f'<ul class="tags">{tags}</ul></header>\n'
    )


def limits(report: BudgetReport) -> str:
    """Every limit with its bar, and why its verdict is what it is."""
    rows = "".join(_limit(result) for result in report.limits)
    return section(
        "Limits",
        f'<ul class="limits">{rows}</ul>',
        lead=f"Budget {report.budget.name}: {report.budget.description}. A bar is the used share of what is allowed;"
        " a thin line over it is an error bar.",
    )


def _limit(result: LimitResult) -> str:
    return (
        f'<li class="{result.verdict}"><span class="name">{text(label(result.name))}</span>'
        f"{_chip(result.verdict)}"
        f'<span class="numbers"><b>{text(figure(result))}</b>'
        f" of {text(amount(result.limit, result.unit))}</span>"
        f'<span class="share">{percent(used(result))}</span>{_bar(result)}'
        f'<p class="evidence">{text(result.evidence)}</p><span class="basis">{text(result.basis)}</span></li>'
    )


def _bar(result: LimitResult) -> str:
    """Up to the limit, which is the bar's end; beyond it, what is used is the bar's end and a line is the limit.

    An estimate's error bar lies over it.
    """
    share = used(result)
    if share is None:
        return ""
    ends: list[float] = []
    if result.low is not None and result.high is not None and result.limit > 0:  # a report may hold anything
        ends = [result.low / result.limit, result.high / result.limit]
    whole = max(share, 1.0, *ends)
    stop = f'<span class="stop" style="left:{100 / whole:.2f}%"></span>' if whole > 1 else ""
    width = f"{100 * share / whole:.2f}"
    fill = f'<span class="fill" style="width:{width}%"></span>'
    error = ""
    if ends:
        left, right = (100 * end / whole for end in ends)
        error = f'<span class="error-bar" style="left:{left:.2f}%;width:{right - left:.2f}%"></span>'
    said = attribute(f"{percent(share)} of the limit")
    return f'<div class="track" role="img" aria-label="{said}">{fill}{error}{stop}</div>'


def _chip(verdict: Verdict, kind: str = "") -> str:
    return f'<span class="chip {verdict} {kind}">{_MARKS[verdict]} {VERDICTS[verdict]}</span>'


def advice(report: BudgetReport) -> str:
    """What would pass instead; nothing when nothing failed."""
    if not report.advice:
        return ""
    allowed = {result.name: result.limit for result in report.limits}
    items = "".join(_advised(one, allowed.get(one.limit)) for one in report.advice)
    lead = "The smallest changes that were found, those that would pass first. Each says what its figure rests on."
    return section("What would pass instead", f'<ul class="plain">{items}</ul>', lead=lead)


def _advised(one: Advice, allowed: float | None) -> str:
    of = "" if allowed is None else f" of {number(allowed)}"
    mark = '<span class="chip pass">would pass</span>' if one.passes else '<span class="chip fail">not enough</span>'
    return (
        f"<li>{mark} <b>{text(one.change)}</b>: {text(label(one.limit))} {number(one.predicted)}{of} {text(one.unit)}"
        f'<div class="evidence">{text(one.how)} ({text(one.basis)})</div></li>'
    )


def surroundings(report: BudgetReport) -> str:
    """What was watched while it was measured, and what that voids."""
    validity = report.validity
    if validity is None:
        return section("Surroundings", paragraph("No probe came back, so nothing was watched."))
    if validity.causes:
        causes = "".join(_cause(cause, report) for cause in validity.causes)
        found = f'<ul class="plain">{causes}</ul>'
    else:
        found = paragraph("Quiet: nothing disturbed the measurement.")
    return section("Surroundings", columns(found, facts(list(_watched(validity)))))


def _cause(cause: Cause, report: BudgetReport) -> str:
    return (
        f'<li><span class="chip undecided">{text(cause.name)}</span> {text(cause.what)}'
        f'<div class="evidence">{text(_capital(voids(cause, report)))}.</div>'
        f'<div class="evidence">What to do: {text(cause.hint)}</div></li>'
    )


def _watched(validity: Validity) -> Iterator[tuple[str, str]]:
    yield "waiting for a core", f"{100 * validity.waiting:.1f} % of the requests' time, at most"
    yield "drift", f"{validity.drift:.3f} times, slowest over fastest part"
    if validity.neighbours_cores is not None:
        yield "other processes", f"{validity.neighbours_cores:.2f} cores on average"
    if validity.busiest:
        names = ", ".join(f"{process.name} ({process.pid})" for process in validity.busiest[:5])
        yield "busiest of them", names
    yield "in swap", f"{validity.swap_bytes / 1e6:.1f} MB of a probe"
    if validity.load_average is not None:
        yield "load before", f"{validity.load_average:g}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
