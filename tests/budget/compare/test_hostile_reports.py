"""Old reports are files from anywhere: truncated, edited, or no reports at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_json
from tinylm.budget.compare.comparison import compare
from tinylm.budget.report import BudgetReport, BundleId, Device, load_report, read_report

MakeReport = Callable[..., BudgetReport]
Table = Callable[[BudgetReport, BudgetReport], str]
_numbers = st.floats(allow_nan=False, allow_infinity=False)


def test_another_reports_text_cannot_steer_the_terminal(report: MakeReport, table: Table) -> None:
    facts = dataclasses.replace(report().device.facts, model="\x1b[2J\x07evil\n" + "x" * 10_000)
    old = dataclasses.replace(
        report(), device=Device(facts=facts, differences=()), bundle=BundleId(name="\x1b]0;x\x07", sha256="\n" * 64)
    )
    text = table(old, report())
    assert "\x1b" not in text
    assert "\x07" not in text
    assert len(text) < 1500


@pytest.mark.parametrize("latency", [0.0, -1.0, 1e-300, 1e300])
def test_times_that_no_clock_measured(report: MakeReport, latency: float) -> None:
    old = report(latency=[[latency] * 31] * 4)
    found = compare(old, report())
    assert next(row for row in found.rows if row.name == "latency_p95_ms").verdict == "undecided"
    to_json(dataclasses.replace(report(), comparison=found))


@limits(max_examples=60)
@given(_numbers, _numbers, _numbers, st.floats(0, 1e308))
def test_whatever_an_edited_report_holds_the_result_is_json(
    report: MakeReport, table: Table, size: float, peak: float, bpb: float, drift: float
) -> None:
    edited = report(bundle_mb=size, bpb=bpb)
    validity = dataclasses.replace(edited.validity, drift=drift)
    results = tuple(
        dataclasses.replace(result, measured=peak) if result.name == "peak_rss_mb" else result
        for result in edited.limits
    )
    edited = dataclasses.replace(edited, limits=results, validity=validity)
    for old, new in ((edited, report()), (report(), edited)):
        found = compare(old, new)
        text = to_json(dataclasses.replace(new, comparison=found))
        assert read_report(json.loads(text), "the report").comparison == found
        table(old, new)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a report"),
        (b"{", "is not a report"),
        (b"\xff\xfe", "is not a report"),
        (b"[" * 100_000, "is not a report"),
        (b"[]", "schema None"),
        (b"null", "schema None"),
        (b'{"schema": "2.0"}', "write the file again"),
        (b'{"schema": "4.0"}', "upgrade tinylm"),
        (b'{"schema": "3.0"}', "lacks the key"),
        (b'{"schema": "3.0", "verdikt": 1}', "unknown key `verdikt`"),
        (b" " * 64_000_001, "larger than 64 MB"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_files_that_are_no_reports(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "old.json"
    file.write_bytes(content)
    with pytest.raises(TinylmError) as caught:
        load_report(file)
    assert message in caught.value.message + caught.value.hint
    assert caught.value.exit_code == 2


def test_a_truncated_report(report: MakeReport, tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    text = to_json(report())
    file.write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(TinylmError, match="is not a report"):
        load_report(file)
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(TinylmError, match="cannot read"):
            load_report(path)
