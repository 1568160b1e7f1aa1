"""What is refused, how exit codes combine, and the table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator

import pytest

from tinylm.base.records import to_json
from tinylm.budget.compare.comparison import LOOKS, compare, compare_in_looks
from tinylm.budget.report import BudgetReport, Comparison, Device, exit_code, read_report
from tinylm.budget.spec.budget import load_budget
from tinylm.runtime.measurement.protocol import ProbeResult, Serving

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


def test_a_server_and_the_runtime_alone_are_not_compared(report: MakeReport) -> None:
    alone, served = report(), as_served(report())
    assert compare(served, served).comparable
    found = compare(alone, served)
    assert (found.comparable, found.rows, found.exit_code) == (False, (), 3)
    assert found.why_not == (
        "the runtime alone was measured in the old report, and the serving process (`--serve`) in the new one",
    )


def test_another_content_filter_is_a_note(report: MakeReport) -> None:
    found = compare(as_served(report(), filter_name=None), as_served(report()))
    assert found.comparable
    assert "the content filter was off and is en (abababababab)" in found.notes


def as_served(report: BudgetReport, *, filter_name: str | None = "en") -> BudgetReport:
    """The report as one of the serving process."""
    serving = Serving(parallel=4, filter_name=filter_name, filter_sha256=None if filter_name is None else "ab" * 32)
    samples = tuple(dataclasses.replace(process, serving=serving) for process in report.samples)
    return dataclasses.replace(report, process="server", samples=samples)


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


@pytest.mark.parametrize(("memory_mb", "comparable"), [(427.3, True), (427.2, False), (444.8, True), (445.0, False)])
def test_kernels_may_reserve_two_per_cent_of_the_memory(report: MakeReport, memory_mb: float, comparable: bool) -> None:
    """436 MB in the old report; the larger of both counts."""
    facts = dataclasses.replace(report().device.facts, memory_mb=memory_mb)
    found = compare(report(), dataclasses.replace(report(), device=Device(facts=facts, differences=())))
    assert found.comparable == comparable


def test_reports_of_unknown_memory_are_compared_with_each_other(report: MakeReport) -> None:
    facts = dataclasses.replace(report().device.facts, memory_mb=None)
    unknown = dataclasses.replace(report(), device=Device(facts=facts, differences=()))
    assert compare(unknown, unknown).comparable
    assert not compare(unknown, report()).comparable


def test_a_comparison_names_the_old_report(report: MakeReport) -> None:
    old = dataclasses.replace(report(seed=3), created="\x1b[31m" + "x" * 500)
    found = compare(old, report())
    assert found.old_bundle == "tiny (333333333333)"
    assert len(found.old_created) == 100
    assert "\x1b" not in found.old_created
    assert (found.comparable, found.why_not, found.more) == (True, (), ())
    assert found.notes == ()
    assert any("the same bundle in both" in note for note in compare(old, old).notes)


def test_another_schema_is_refused(report: MakeReport) -> None:
    assert compare(dataclasses.replace(report(), schema="3.7"), report()).comparable
    found = compare(dataclasses.replace(report(), schema="4.0"), report())
    assert found.why_not == ("the old report has schema 4.0, the new one 3.1",)


def test_nothing_that_both_measured_is_not_comparable(report: MakeReport) -> None:
    golden = tuple(result for result in report().limits if result.name == "golden_tokens")
    found = compare(report(), dataclasses.replace(report(), limits=golden))
    assert (found.comparable, found.why_not) == (False, ("no limit was measured in both reports",))


def looks(old: BudgetReport, new: BudgetReport, *rounds: BudgetReport) -> tuple[Comparison, int]:
    """The comparison, and how many rounds it asked for."""
    asked = 0

    def measure() -> Iterator[tuple[ProbeResult, ...]]:
        nonlocal asked
        for each in rounds:
            asked += 1
            yield each.samples

    return compare_in_looks(old, new, rounds=measure()), asked


def verdict(found: Comparison) -> str:
    return next(row.verdict for row in found.rows if row.name == "latency_p95_ms")


def test_more_is_measured_only_where_it_can_tell(report: MakeReport) -> None:
    near = [report(around=112, seed=seed) for seed in range(5)]
    found, asked = looks(report(), report(seed=1), *near)
    assert (verdict(found), asked, found.more) == ("same", 0, ())
    found, asked = looks(report(processes=1), report(seed=1), *near)
    assert (verdict(found), asked) == ("undecided", 0)  # of the old report there are no more


def test_the_rounds_are_those_that_were_declared(report: MakeReport) -> None:
    """After one round, and after two more: never again."""
    assert LOOKS == (0, 1, 3)
    near = [report(around=119, seed=seed) for seed in range(5)]
    found, asked = looks(report(), near[0], *near)
    assert (verdict(found), asked) == ("undecided", 3)
    assert found.more == tuple(process for each in near[:3] for process in each.samples)
    # What a round decides ends it.
    found, asked = looks(report(), report(around=115, seed=2), report(around=115, seed=12), *near)
    assert (verdict(found), asked, len(found.more)) == ("worse", 1, 4)


def test_where_the_rounds_end_what_was_found_before_stands(report: MakeReport) -> None:
    near = [report(around=119, seed=seed) for seed in range(5)]
    for rounds, kept in ((0, 0), (1, 4), (2, 4)):
        found, asked = looks(report(), near[0], *near[:rounds])
        assert (verdict(found), asked, len(found.more)) == ("undecided", rounds, kept)


def test_the_looks_share_the_error(report: MakeReport) -> None:
    """All looks of a comparison are as wide as the last: each has a third of the error."""
    one, three = compare(report(), report(seed=1)), looks(report(), report(seed=1))[0]
    assert "with 97.5 % confidence each and at most with 95 %" in one.rows[2].significance
    assert "with 99.2 % confidence each and at most with 98.3 %" in three.rows[2].significance
