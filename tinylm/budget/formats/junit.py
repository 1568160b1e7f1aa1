"""The report as JUnit XML, which CI systems show as tests: one suite for the check, one case for each limit.

A comparison with an earlier report is a second suite.

A limit that failed is a `<failure>`. One that is undecided is a `<failure>` too, of type `undecided`, and one without a
measurement is an `<error>`: CI systems show both as red, where a skipped test would leave a pipeline green. With
`certify`, a last case says whether all of it was measured on the budget's device.

Only elements and attributes are used that Jenkins, GitLab and the usual GitHub actions all read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

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
    disturbed,
    figure,
    headline,
    label,
    machine,
    own_times_words,
    request,
    served,
)
from tinylm.budget.judge.verdict import LimitResult
from tinylm.budget.report import BudgetReport, Comparison

_CERTIFIED = "certified"


def to_junit(report: BudgetReport, *, certify: bool = False) -> str:
    """The report as one XML document; `certify` as in `tinylm check-budgets --certify`."""
    seconds = f"{report.moments[-1].at_s:.3f}" if report.moments else "0"
    root = ET.Element("testsuites", {"name": "tinylm check-budgets", "time": seconds})
    name = printable(f"{report.bundle.name} on {report.budget.name}")
    suite = ET.SubElement(root, "testsuite", {"name": name, "time": seconds, **_when(report)})
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(report):
        ET.SubElement(properties, "property", {"name": key, "value": printable(value)})
    for result in report.limits:
        _case(suite, report, result)
    if certify:
        case = _empty_case(suite, report, _CERTIFIED)
        if report.basis != "measured":
            message = f"the basis is `{report.basis}`; only a run on the budget's device is `measured`"
            ET.SubElement(case, "failure", {"type": "not_certified", "message": message}).text = message
    lines = [headline(report), caution(report), *report.notes, *_disturbances(report), *_own_times(report)]
    ET.SubElement(suite, "system-out").text = "\n".join(printable(line) for line in lines if line)
    if report.comparison is not None:
        _compared(root, report, report.comparison)
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for element in (root, *root.iter("testsuite")):
        for attribute, tag in counts.items():
            element.set(attribute, str(len(element.findall(f".//{tag}"))))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: ET.Element, report: BudgetReport, result: LimitResult) -> None:
    case = _empty_case(suite, report, result.name)
    numbers = f"{figure(result)} of {amount(result.limit, result.unit)} allowed"
    if result.verdict != "pass":
        words = f"{label(result.name)}: {VERDICTS[result.verdict]}"
        message = words if result.measured is None else f"{words}, {numbers}"
        kind = "error" if result.verdict == "not_measured" else "failure"
        found = ET.SubElement(case, kind, {"type": result.verdict, "message": printable(message)})
        found.text = printable(result.evidence)
    lines = [f"{label(result.name)}: {numbers}, {VERDICTS[result.verdict]} ({result.basis})", result.evidence]
    if result.void is not None and report.validity is not None:
        hints = {cause.name: cause.hint for cause in report.validity.causes}
        lines += [f"what to do: {hints[result.void]}"] if result.void in hints else []
    ET.SubElement(case, "system-out").text = "\n".join(printable(line) for line in lines)


def _compared(root: ET.Element, report: BudgetReport, comparison: Comparison) -> None:
    """A suite of its own: one case for each limit that both reports hold, or one that says why there is none."""
    name = printable(f"{report.bundle.name} against {comparison.old_bundle} of {comparison.old_created}")
    suite = ET.SubElement(root, "testsuite", {"name": name, "time": "0", **_when(report)})
    for row in comparison.rows:
        case = _empty_case(suite, report, f"{row.name} regression")
        moved, allowed = change(row)
        words = printable(f"{compared_label(row)}: {OUTCOMES[row.verdict][0]}, changed by {moved}, may by {allowed}")
        if row.verdict in ("regressed", "undecided"):
            found = ET.SubElement(case, "failure", {"type": row.verdict, "message": words})
            found.text = printable(row.significance)
        ET.SubElement(case, "system-out").text = f"{words}\n{printable(row.significance)}"
    if not comparison.comparable:
        case = _empty_case(suite, report, "comparable")
        message = printable("; ".join(comparison.why_not))
        ET.SubElement(case, "error", {"type": "not_comparable", "message": message}).text = message
    lines = [f"{compared(comparison)}.", *comparison.notes]
    ET.SubElement(suite, "system-out").text = "\n".join(printable(line) for line in lines)


def _empty_case(suite: ET.Element, report: BudgetReport, name: str) -> ET.Element:
    # GitLab tells cases apart by class and name, Jenkins groups them by what is before the class's last dot.
    group = printable(f"tinylm.{report.budget.name}")
    return ET.SubElement(suite, "testcase", {"name": printable(name), "classname": group, "time": "0"})


def _when(report: BudgetReport) -> dict[str, str]:
    """The suite's timestamp as JUnit's schema wants it: UTC without saying so. A report may hold any text there."""
    try:
        created = datetime.fromisoformat(report.created).astimezone(UTC)
    except (ValueError, OverflowError):
        return {}
    return {"timestamp": created.strftime("%Y-%m-%dT%H:%M:%S")}


def _properties(report: BudgetReport) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict
    yield "basis", report.basis
    yield "device", machine(report.device.facts)
    yield "request", request(report.budget)
    yield "budget", report.budget.name
    yield report.bundle.kind, report.bundle.name
    yield f"{report.bundle.kind}_sha256", report.bundle.sha256
    yield "tinylm", report.tinylm
    if words := served(report):
        yield "measured", words


def _disturbances(report: BudgetReport) -> Iterator[str]:
    for cause in report.validity.causes if report.validity is not None else ():
        yield f"{cause.name}: {disturbed(cause, report)}. {cause.hint}"


def _own_times(report: BudgetReport) -> Iterator[str]:
    """As text: a case would be a verdict."""
    if report.own_times is None:
        return
    found = (f"{label(times.name)} {number(times.p95)} ms" for times in report.own_times.times)
    yield f"{own_times_words(report)}: {'; '.join(found)}"
