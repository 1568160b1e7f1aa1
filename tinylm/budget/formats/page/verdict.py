"""The parts of the page that judge: verdict, comparison, limits, what would pass instead, what disturbed it."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.base.numerals import number
from tinylm.budget.formats import contents
from tinylm.budget.formats.wording import (
    MARKS,
    OUTCOMES,
    VERDICTS,
    amount,
    caution,
    change,
    compared,
    compared_label,
    disturbed,
    figure,
    headline,
    label,
    machine,
    percent,
    request,
    served,
    used,
    verdict_of,
    when,
)
from tinylm.budget.judge.validity import Validity
from tinylm.budget.judge.verdict import LimitResult, Verdict
from tinylm.budget.report import Advice, BudgetReport
from tinylm.html.elements import bullets, chip, columns, evidence, facts, paragraph, section, text, verbatim

_WORST_LAST: tuple[Verdict, ...] = ("pass", "not_measured", "undecided", "fail")


def banner(report: BudgetReport) -> str:
    """What comes first: the verdict, what it is worth, and what it is about."""
    words, comparison = caution(report), report.comparison
    facts = machine(report.device.facts)
    measured = (served(report),) if report.process == "server" else ()
    made = (when(report.created), f"tinylm {report.tinylm}")
    tags = (f"basis: {report.basis}", *measured, facts, request(report.budget), *made)
    chips, worst = _chip(report.verdict, "verdict"), report.verdict
    if comparison is not None:
        since = verdict_of(comparison.exit_code)
        chips += f" {chip(f'{since} verdict', f'{MARKS[since]} {compared(comparison)}')}"
        worst = max(worst, since, key=_WORST_LAST.index)
    return (
        f'<header class="{worst}"><p class="eyebrow">Budget report</p><div class="chips">{chips}</div>'
        f"<h1>{text(headline(report))}</h1>"
        f"{paragraph(words, kind='caution') if words else ''}"
        f"{''.join(paragraph(note, kind='note') for note in report.notes)}"
        f"{bullets(map(text, tags), kind='tags')}</header>\n"
    )


def against(report: BudgetReport) -> str:
    """What became of every limit since the earlier report; nothing without one."""
    comparison = report.comparison
    if comparison is None:
        return ""
    items = []
    for row in comparison.rows:
        words, verdict = OUTCOMES[row.verdict]
        moved, allowed = change(row)
        before, now = ("-" if value is None else number(value) for value in (row.old, row.new))
        items.append(
            f"{chip(verdict, f'{MARKS[verdict]} {words}')} <b>{text(compared_label(row))}</b>"
            f" {text(f'{before} → {now} {row.unit}, {moved} (may be {allowed})')}{evidence(row.significance)}"
        )
    return section(
        "Since an earlier report",
        f'<p class="{verdict_of(comparison.exit_code)}"><b>{text(compared(comparison))}.</b></p>',
        bullets(items),
        *(paragraph(f"{name}: {words}", kind="note") for name, words in contents.remarks(comparison)),
        lead=f"Against {comparison.old_bundle} of {when(comparison.old_created)}.",
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
    parts = f'<span class="fill" style="width:{100 * share / whole:.2f}%"></span>'
    if ends:
        left, right = (100 * end / whole for end in ends)
        parts += f'<span class="error-bar" style="left:{left:.2f}%;width:{right - left:.2f}%"></span>'
    if whole > 1:
        parts += f'<span class="stop" style="left:{100 / whole:.2f}%"></span>'
    said = verbatim(f"{percent(share)} of the limit")
    return f'<div class="track" role="img" aria-label="{said}">{parts}</div>'


def _chip(verdict: Verdict, kind: str = "") -> str:
    return chip(f"{verdict} {kind}".strip(), f"{MARKS[verdict]} {VERDICTS[verdict]}")


def advice(report: BudgetReport) -> str:
    """What would pass instead; nothing when nothing failed."""
    if not report.advice:
        return ""
    allowed = {result.name: result.limit for result in report.limits}
    items = (_advised(one, allowed.get(one.limit)) for one in report.advice)
    lead = "The smallest changes that were found, those that would pass first. Each says what its figure rests on."
    return section("What would pass instead", bullets(items), lead=lead)


def _advised(one: Advice, allowed: float | None) -> str:
    of = "" if allowed is None else f" of {number(allowed)}"
    mark = chip("pass", "would pass") if one.passes else chip("fail", "not enough")
    words = f"{label(one.limit)} {number(one.predicted)}{of} {one.unit}"
    return f"{mark} <b>{text(one.change)}</b>: {text(words)}{evidence(f'{one.how} ({one.basis})')}"


def surroundings(report: BudgetReport) -> str:
    """What was watched while it was measured, and what that voids."""
    validity = report.validity
    if validity is None:
        return section("Surroundings", paragraph("No probe came back, so nothing was watched."))
    causes = bullets(
        f"{chip('undecided', cause.name)} {text(disturbed(cause, report))}.{evidence(f'What to do: {cause.hint}')}"
        for cause in validity.causes
    )
    found = causes or paragraph("Quiet: nothing disturbed the measurement.")
    return section("Surroundings", columns(found, facts(list(_watched(validity)))))


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
