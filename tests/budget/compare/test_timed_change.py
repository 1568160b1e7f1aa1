"""What is typical of a process, by how much it changed, and what is known of the machine: each by hand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import pytest

from tinylm.budget.compare.timed_change import (
    BETWEEN_REPORTS,
    change_of,
    cold_start_row,
    instructions_row,
    neighbours_are_covered,
    taken_share,
    times_row,
    undisturbed_ms,
    well_known,
    work_change,
)
from tinylm.budget.report import BudgetReport, ColdStart, LimitChange
from tinylm.runtime.measurement.protocol import ProbeResult

Make = Callable[..., ProbeResult]
T95_3, T95_6, T975_6 = 2.353363, 1.943180, 2.446912
"""Student's t by level and degrees of freedom; from a printed table."""


def latency(process: ProbeResult) -> Sequence[float]:
    return process.latency_ms


@pytest.fixture
def make(report: Callable[..., BudgetReport]) -> Make:
    """A process with these times; what is left out is that of a quiet one."""
    template = report().samples[0]

    def one(*latency_ms: float, **changes: object) -> ProbeResult:
        times = {"latency_ms": latency_ms, "ttft_ms": latency_ms, "itl_ms": latency_ms, "work_ms": (1.0, 1.0)}
        return dataclasses.replace(template, **{**times, **changes})  # type: ignore[arg-type]

    return one


def test_waiting_is_taken_off_in_proportion(make: Make) -> None:
    process = make(100.0, 200.0, ttft_ms=(10.0, 30.0), waited_ms=(50.0, 20.0))
    assert undisturbed_ms(process, latency) == pytest.approx([50, 180])
    assert undisturbed_ms(process, lambda each: each.ttft_ms) == pytest.approx([5, 27])
    assert undisturbed_ms(make(100.0, 200.0), latency) == [100, 200]  # not known
    assert undisturbed_ms(make(100.0, 200.0, waited_ms=(1.0,)), latency) == [100, 200]
    assert undisturbed_ms(make(0.0, 100.0, waited_ms=(0.0, 100.0)), latency) == pytest.approx([0, 1e-4])


def test_the_change_covers_what_the_machine_may_have_done(make: Make) -> None:
    """Processes without spread: the interval is the allowance between reports, and the work's change on one side."""
    old, new = [make(100.0)] * 4, [make(150.0)] * 4
    for work, below, above in ((1.0, 1.0, 1.0), (1.2, 1.2, 1.0), (0.8, 1.0, 0.8)):
        found = change_of(old, new, latency, 0.25, lower=0.95, upper=0.95, work=work)
        assert found.value == pytest.approx(1.5)
        assert found.lower == pytest.approx(1.5 / BETWEEN_REPORTS / below)
        assert found.upper == pytest.approx(1.5 * BETWEEN_REPORTS / above)


def test_the_quantile_is_of_each_process(make: Make) -> None:
    old, new = [make(1.0, 2.0, 3.0, 4.0)] * 2, [make(2.0, 2.0, 3.0, 8.0)] * 2
    for quantile, value in ((0.25, 2.0), (0.5, 1.0), (0.95, 2.0)):
        assert change_of(old, new, latency, quantile, lower=0.9, upper=0.9, work=1).value == pytest.approx(value)


@pytest.mark.parametrize(("spread", "known"), [(0.0359, True), (0.03592, False), (0.0, True)])
def test_processes_are_well_known_within_five_per_cent(make: Make, spread: float, known: bool) -> None:
    """Logarithms at plus and minus `spread`: t x sqrt(4/3) x spread / sqrt(4) reaches log(1.05) at 0.03591."""
    assert pytest.approx(0.03591, abs=1e-5) == math.log(1.05) * 2 / T95_3 / math.sqrt(4 / 3)
    processes = [make(100 * math.exp(sign * spread)) for sign in (-1, 1, -1, 1)]
    assert well_known(processes, latency) == known


def test_one_process_is_not_well_known(make: Make) -> None:
    assert not well_known([], latency)
    assert not well_known([make(100.0)], latency)
    assert well_known([make(100.0), make(100.0)], latency)


def test_the_share_that_others_had(make: Make) -> None:
    some, none = make(100.0, 300.0, waited_ms=(40.0, 60.0)), make(100.0, waited_ms=(0.0,))
    assert taken_share([some]) == 0.25
    assert taken_share([some, none]) == 0.2
    assert taken_share([some, make(100.0)]) is None
    assert taken_share([make(0.0, waited_ms=(0.0,))]) is None


def test_neighbours_are_covered_up_to_a_third_more(make: Make) -> None:
    def share(value: float) -> list[ProbeResult]:
        return [make(300.0, waited_ms=(300 * value,))]

    assert neighbours_are_covered(share(1 / 3), share(0.0))
    assert not neighbours_are_covered(share(0.34), share(0.0))
    assert neighbours_are_covered(share(0.0), share(0.9))
    assert neighbours_are_covered(share(0.9), share(0.6))
    assert not neighbours_are_covered([make(1.0)], share(0.0))
    assert not neighbours_are_covered(share(0.0), [make(1.0)])


def test_the_machine_s_own_change_is_that_of_the_fixed_work(make: Make) -> None:
    old, new = make(1.0, work_ms=(2.0, 3.0, 4.0, 9.0)), make(1.0, work_ms=(3.0, 3.0, 4.0, 4.0))
    assert work_change([old], [new]) == 1.5
    assert work_change([old, old, new], [new]) == 1.5  # of the processes the middle one
    assert work_change([make(1.0, work_ms=(0.0,))], [new]) == 1.0
    assert work_change([new], [make(1.0, work_ms=(0.0,))]) == 1.0


def row(old: Sequence[ProbeResult], new: Sequence[ProbeResult], **changes: float) -> LimitChange:
    options = {"threshold": 20.0, "level": 0.95, "work": 1.0, **changes}
    return times_row("latency_p95_ms", old, new, latency, **options)


def test_an_interval_by_hand(make: Make) -> None:
    """Four processes a side, alike in spread: six degrees of freedom; the lower end may miss half as often."""
    steps = (-0.02, -0.01, 0.01, 0.02)
    old = [make(100 * math.exp(step)) for step in steps]
    new = [make(160 * math.exp(step)) for step in steps]
    error = math.sqrt(2 * sum(step**2 for step in steps) / 3 / 4)
    found = row(old, new)
    assert found.change == pytest.approx(60)
    assert found.lower == pytest.approx(100 * (1.6 * math.exp(-T975_6 * error) / BETWEEN_REPORTS - 1), abs=1e-3)
    assert found.upper == pytest.approx(100 * (1.6 * math.exp(T95_6 * error) * BETWEEN_REPORTS - 1), abs=1e-3)
    assert (found.verdict, found.method, found.unit, found.change_unit) == ("regressed", "typical request", "ms", "%")
    assert (found.old, found.new) == (pytest.approx(100, rel=1e-3), pytest.approx(160, rel=1e-3))
    assert found.significance.startswith("4 requests of 4 processes before and 4 requests of 4 now, ")
    more = row(old, [*new, *new]).significance
    assert more.startswith("4 requests of 4 processes before and 8 requests of 8 now, ")
    assert row([make(1.23456)] * 2, [make(1.23456)] * 2).old == 1.2346
    assert "at least so much with 97.5 % confidence each and at most with 95 %" in found.significance


@pytest.mark.parametrize(("work", "said"), [(1.049, False), (1.05, True), (0.96, False), (0.95, True)])
def test_a_machine_that_changed_is_told(make: Make, work: float, said: bool) -> None:
    found = row([make(100.0)] * 2, [make(100.0)] * 2, work=work)
    assert ("for the same work" in found.significance) == said
    assert not said or f"the machine takes {100 * (work - 1):+.0f} % for the same work" in found.significance


def test_an_open_row_says_what_would_tell(make: Make) -> None:
    old = [make(100.0)] * 2
    assert row(old, [make(118.0)] * 2).verdict == "undecided"  # 118 x 1.03 is beyond 120
    near = row(old, [make(118.0)] * 2)
    assert near.significance.endswith("; more `processes` in the budget would tell, in both reports")
    assert "would tell" not in row(old, [make(110.0)] * 2).significance
    assert row(old, [make(110.0)] * 2).verdict == "worse"


def test_the_p95_decides_only_what_the_typical_request_does_not(make: Make) -> None:
    def tail(typical: float, slow: float) -> list[ProbeResult]:
        return [make(*[typical] * 9, slow)] * 4

    slower = row(tail(100, 100), tail(100, 300))
    assert (slower.verdict, slower.method) == ("regressed", "p95 of processes")
    assert (slower.old, slower.new, slower.change) == (100, 300, pytest.approx(200))
    both = row(tail(100, 100), tail(200, 500))
    assert (both.verdict, both.method, both.new) == ("regressed", "typical request", 200)
    # All of the interval must lie beyond: 123 / 1.03 is below 120.
    some = row(tail(100, 100), tail(100, 123))
    assert (some.verdict, some.method, some.new) == ("same", "typical request", 100)


def test_processes_without_requests_do_not_count(make: Make) -> None:
    found = row([make(100.0), make(100.0), make()], [make(100.0)] * 2)
    assert "2 requests of 2 processes before" in found.significance
    alone = row([make(100.0), make()], [make(100.0)] * 2)
    assert (alone.verdict, alone.method, alone.change) == ("undecided", "none", 0)
    assert alone.significance.startswith("with one process a side")
    assert row([make(100.0)] * 2, [make(100.0)]).verdict == "undecided"


@pytest.mark.parametrize("value", [1e-6, 1e9])
def test_impossible_times_decide_nothing(make: Make, value: float) -> None:
    for old, new in (([make(value)] * 2, [make(1.0)] * 2), ([make(1.0)] * 2, [make(value)] * 2)):
        assert row(old, new).significance == "a report holds a time that no clock can have measured"


def counts(old: Sequence[ProbeResult], new: Sequence[ProbeResult]) -> LimitChange:
    return instructions_row("latency_p95_ms", old, new, latency, threshold=20.0)


def test_instructions_are_paired(make: Make) -> None:
    found = counts([make(100.0, 200.0), make(50.0)], [make(110.0, 200.0), make(60.0)])
    assert (found.old, found.new, found.unit) == (200, 200, "M instructions")
    assert (found.change, found.lower, found.upper) == pytest.approx((10, 0, 20))
    assert found.verdict == "same"
    assert found.significance == "3 pairs of the same request: all +0.0 to +20.0 %"
    assert counts([make(100.0)], [make(121.0)]).verdict == "regressed"
    assert counts([make(100.0)], [make(1e-6)]).significance.startswith("a report holds a time")


def test_other_requests_are_no_pairs(make: Make) -> None:
    assert counts([make(1.0)], [make(1.0, 1.0)]).significance == "the reports hold different requests"
    assert counts([make(1.0)], [make(1.0, first_request=7)]).significance == "the reports hold different requests"
    assert counts([make(1.0), make()], [make(1.0)]).verdict == "same"


def start(first_ms: float | None, *warm_ms: float, dropped: bool = True) -> ColdStart:
    return ColdStart(first_ms=first_ms, cache_dropped=dropped, storage_read_mb=0, warm_ms=warm_ms, stages=())


def test_starts_by_hand() -> None:
    found = cold_start_row(start(1000, 400, 500, 900), start(1100, 750), threshold=50.0)
    assert found is not None
    assert (found.old, found.new, found.unit, found.method) == (1000, 1100, "ms", "first and later starts")
    assert (found.change, found.lower, found.upper) == pytest.approx((10, 10, 50))
    assert found.verdict == "worse"
    assert found.significance == "first starts +10 %, the median of the later ones +50 %; both count"
    later = cold_start_row(start(1000, 500), start(1100, 751), threshold=50.0)
    assert later is not None
    assert later.verdict == "undecided"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (start(1000, 500, dropped=False), start(1000, 500), "may have found its files in the system's cache"),
        (start(1000), start(1000, 500), "there was one start only"),
        (start(1000, 500), start(1000), "there was one start only"),
        (start(1000, 500), start(1e10, 500), "no clock can have measured"),
        (start(1000, 0.0), start(1000, 500), "no clock can have measured"),
    ],
)
def test_starts_that_say_nothing(old: ColdStart, new: ColdStart, words: str) -> None:
    found = cold_start_row(old, new, threshold=50.0)
    assert found is not None
    assert (found.verdict, found.method) == ("undecided", "none")
    assert words in found.significance


def test_without_a_first_start_there_is_no_row() -> None:
    assert cold_start_row(start(None, 1.0), start(1000, 1.0), threshold=50.0) is None
    assert cold_start_row(start(1000, 1.0), start(None, 1.0), threshold=50.0) is None
