"""JUnit XML: what is not a pass is red, everything is told, and nothing in a report breaks the document."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.formats.junit import to_junit
from tinylm.budget.report import BudgetReport

# What Jenkins' schema of JUnit (jenkins-junit.xsd), GitLab and the GitHub actions that show tests all know.
KNOWN = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "system-out": set(),
}
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)  # lone surrogates and controls too


def parsed(report: BudgetReport, *, certify: bool = False) -> ET.Element:
    # As it is written to a file: lone surrogates must not survive until then.
    return ET.fromstring(to_junit(report, certify=certify).encode())


def case(root: ET.Element, name: str) -> ET.Element:
    (found,) = [case for case in root.iter("testcase") if case.get("name") == name]
    return found


def test_one_case_for_each_limit_and_no_verdict_but_pass_is_green(full_report: BudgetReport) -> None:
    root = parsed(full_report)
    assert [case.get("name") for case in root[0].iter("testcase")] == [limit.name for limit in full_report.limits]
    for limit in full_report.limits:
        red = [child for child in case(root, limit.name) if child.tag in ("failure", "error")]
        assert [child.get("type") for child in red] == ([] if limit.verdict == "pass" else [limit.verdict])
        assert all(child.text == limit.evidence for child in red)
    assert root.findall(".//skipped") == []
    assert case(root, "peak_rss_mb").find("error") is not None
    assert case(root, "latency_p95_ms").find("failure") is not None


def test_the_counts_are_right(full_report: BudgetReport) -> None:
    for certify in (False, True):
        root = parsed(replace(full_report, basis="indicative"), certify=certify)
        for element in (root, *root.iter("testsuite")):
            assert element.get("tests") == str(len(element.findall(".//testcase")))
            assert element.get("failures") == str(len(element.findall(".//failure")))
            assert element.get("errors") == str(len(element.findall(".//error")))


def test_only_what_every_reader_knows(full_report: BudgetReport) -> None:
    for element in parsed(full_report, certify=True).iter():
        assert set(element.attrib) <= KNOWN[element.tag], element.tag
    suite = parsed(full_report)[0]
    assert [child.tag for child in suite] == ["properties", *["testcase"] * len(full_report.limits), "system-out"]
    assert len(suite.attrib["timestamp"]) == len("2026-01-31T12:00:00")


def test_it_says_what_was_measured_and_what_disturbed_it(full_report: BudgetReport) -> None:
    root = parsed(full_report)
    properties = {element.attrib["name"]: element.attrib["value"] for element in root.iter("property")}
    assert properties["bundle_sha256"] == full_report.bundle.sha256
    assert properties["tinylm"] == full_report.tinylm
    assert properties["basis"] == full_report.basis
    assert full_report.device.facts.model in properties["device"]
    assert full_report.validity is not None
    said = root.findtext("testsuite/system-out") or ""
    assert full_report.notes[0] in said
    for cause in full_report.validity.causes:
        assert cause.what in said
        assert cause.hint in said
    assert "what to do: cool it" in (case(root, "latency_p95_ms").findtext("system-out") or "")


def test_a_regression_is_red_though_every_limit_passes(full_report: BudgetReport) -> None:
    comparison = full_report.comparison
    assert comparison is not None
    for outcome, red in (("regressed", True), ("undecided", True), ("worse", False), ("better", False)):
        rows = tuple(replace(row, verdict=outcome) for row in comparison.rows)  # type: ignore[arg-type]
        suite = parsed(replace(full_report, comparison=replace(comparison, rows=rows)))[1]
        assert len(suite.findall("testcase")) == len(rows) > 3
        assert len(suite.findall("testcase/failure")) == (len(rows) if red else 0)


def test_reports_that_cannot_be_compared_are_red(full_report: BudgetReport) -> None:
    assert full_report.comparison is not None
    apart = replace(full_report.comparison, rows=(), comparable=False, why_not=("another machine",))
    suite = parsed(replace(full_report, comparison=apart))[1]
    assert [error.get("message") for error in suite.iter("error")] == ["another machine"]
    assert suite.get("errors") == "1"


@pytest.mark.parametrize(("basis", "red"), [("measured", False), ("indicative", True), ("estimated", True)])
def test_certify_makes_anything_but_a_measurement_red(full_report: BudgetReport, basis: Any, red: bool) -> None:
    root = parsed(replace(full_report, basis=basis), certify=True)
    assert (case(root, "certified").find("failure") is not None) == red


def test_a_report_of_nothing_but_a_dead_probe(full_report: BudgetReport) -> None:
    bare = replace(full_report, validity=None, moments=(), samples=(), times=(), created="once")
    assert "timestamp" not in parsed(bare)[0].attrib
    assert parsed(bare).get("time") == "0"


@given(text=ANY_TEXT)
def test_any_text_gives_a_document(full_report: BudgetReport, with_text: Callable[..., Any], text: str) -> None:
    hostile = parsed(with_text(full_report, text), certify=True)
    assert [element.tag for element in hostile.iter()] == [e.tag for e in parsed(full_report, certify=True).iter()]


def test_what_xml_cannot_hold_is_shown(full_report: BudgetReport) -> None:
    limit = replace(full_report.limits[0], evidence="\x1b[31m \x00 \ud800 \ufffe <&> \u202e")
    said = parsed(replace(full_report, limits=(limit,))).findtext(".//failure")
    assert said == r"\u001b[31m \u0000 \ud800 \ufffe <&> \u202e"
