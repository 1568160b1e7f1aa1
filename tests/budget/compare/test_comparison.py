"""What is refused, how exit codes combine, and the table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from tinylm.budget.compare.comparison import compare
from tinylm.budget.report import BudgetReport, Device, exit_code, read_report, to_json
from tinylm.budget.spec.budget import load_budget

MakeReport = Callable[..., BudgetReport]
Table = Callable[[BudgetReport, BudgetReport], str]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "Raspberry Pi 4 Model B Rev 1.5"}, "its model was"),
        ({"arch": "x86_64"}, "its architecture was `aarch64`"),
        ({"isa": ("asimd", "asimddp")}, "its instruction set"),
        ({"cores": 2}, "its number of cores"),
        ({"memory_mb": 900.0}, "it had 436 MB of memory and has 900 MB"),
        ({"memory_mb": None}, "the memory of one of them is unknown"),
        ({"governor": "performance"}, "its governor was `ondemand`"),
        ({"governor": None}, "`unknown`"),
    ],
)
def test_another_machine_is_refused(report: MakeReport, change: dict[str, object], words: str) -> None:
    facts = dataclasses.replace(report().device.facts, **change)  # type: ignore[arg-type]
    other = dataclasses.replace(report(), device=Device(facts=facts, differences=()))
    found = compare(report(), other)
    assert (found.comparable, found.rows, found.exit_code) == (False, (), 3)
    assert words in found.why_not[0]


@pytest.mark.parametrize("change", [{"prompt_tokens": 17}, {"new_tokens": 21}, {"threads": 2}])
def test_another_request_is_refused(report: MakeReport, change: dict[str, int]) -> None:
    budget = load_budget("pi-zero-2w")
    budget = dataclasses.replace(budget, request=dataclasses.replace(budget.request, **change))
    found = compare(report(), dataclasses.replace(report(), budget=budget))
    assert (found.comparable, found.exit_code) == (False, 3)
    assert "another request" in found.why_not[0]


def test_other_software_is_a_note(report: MakeReport) -> None:
    facts = dataclasses.replace(report().device.facts, onnxruntime="1.29.0", python="3.13.6", memory_mb=430.0)
    found = compare(report(), dataclasses.replace(report(), device=Device(facts=facts, differences=())))
    assert found.comparable
    assert "onnxruntime was 1.28.0 and is 1.29.0" in found.notes


def test_exit_codes_combine(report: MakeReport) -> None:
    good, slower = report(), report(around=160)

    def code(old: BudgetReport, new: BudgetReport, **changes: object) -> int:
        compared = dataclasses.replace(new, comparison=compare(old, new), **changes)  # type: ignore[arg-type]
        return exit_code(compared, certify=False)

    facts = dataclasses.replace(good.device.facts, cores=1)
    other = dataclasses.replace(good, device=Device(facts=facts, differences=()))
    assert code(good, good) == 0
    assert code(good, slower) == 1  # all limits pass
    assert code(other, good) == 3
    assert code(other, good, verdict="fail") == 1
    assert code(good, slower, verdict="undecided") == 1
    assert code(good, good, verdict="undecided") == 3


def test_a_comparison_is_a_part_of_the_report(report: MakeReport) -> None:
    new = report(around=160)
    compared = dataclasses.replace(new, comparison=compare(report(), new))
    assert read_report(json.loads(to_json(compared)), "the report") == compared
    assert compare(compared, compared).exit_code == 0


def test_the_table_fits_80_columns(report: MakeReport, table: Table) -> None:
    text = table(report(), report(around=160, bundle_mb=1.5, bpb=0.006, seed=2))
    assert max(map(len, text.splitlines())) <= 80
    assert "✗ regressed" in text
    assert "Regressed: latency." in text
    assert "Nothing regressed." in table(report(), report())
    facts = dataclasses.replace(report().device.facts, cores=1)
    other = dataclasses.replace(report(), device=Device(facts=facts, differences=()))
    assert "Not comparable" in table(other, report())
