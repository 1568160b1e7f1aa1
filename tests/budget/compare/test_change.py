"""Rows by hand: what is exact, what is memory, what is void."""

from __future__ import annotations

import dataclasses

import pytest

from tinylm.budget.compare.change import (
    difference_row,
    exact_row,
    memory_row,
    missing_row,
    outcome,
    per_cent,
    undecided,
    unless_void,
)
from tinylm.budget.judge.validity import Cause, Kind, Validity, Voids
from tinylm.budget.report import LimitChange, Outcome


def exact(old: float, new: float, *, threshold: float = 5.0) -> LimitChange:
    return exact_row("bundle_mb", old, new, unit="MB", threshold=threshold, method="bytes", significance="why")


def test_an_exact_row() -> None:
    row = exact(2.0, 2.1)
    assert (row.name, row.unit, row.old, row.new) == ("bundle_mb", "MB", 2.0, 2.1)
    assert (row.change, row.lower, row.upper, row.change_unit) == (5.0, None, None, "%")
    assert (row.threshold, row.verdict, row.method, row.significance) == (5.0, "worse", "bytes", "why")


@pytest.mark.parametrize(
    ("old", "new", "change", "verdict"),
    [
        (100.0, 105.0, 5.0, "worse"),
        (100.0, 105.0001, 5.0001, "regressed"),
        (100.0, 99.9, -0.1, "better"),
        (0.0, 0.0, 0.0, "same"),
        (0.0, 1.0, 1e9, "regressed"),
        (1e-9, 1e9, 1e9, "regressed"),
        (1.0, -1e12, -1e9, "better"),
    ],
)
def test_changes_in_per_cent(old: float, new: float, change: float, verdict: Outcome) -> None:
    row = exact(old, new)
    assert (row.change, row.verdict) == (change, verdict)


def test_per_cent_keeps_six_places() -> None:
    assert per_cent(1.00000001234) == pytest.approx(1e-6)
    assert per_cent(0.5) == -50


@pytest.mark.parametrize(
    ("old", "new", "change", "verdict"),
    [
        (0.0, 1.0, 1.0, "worse"),
        (0.0, 1.000001, 1.000001, "regressed"),
        (1.0, 0.0, -1.0, "better"),
        (-1.0, -1.0, 0.0, "same"),
        (0.0, 1e12, 1e9, "regressed"),
        (0.0, -1e12, -1e9, "better"),
    ],
)
def test_differences_in_the_limit_s_own_unit(old: float, new: float, change: float, verdict: Outcome) -> None:
    row = difference_row("growth_mb", old, new, unit="MB", threshold=1.0, method="fitted growth", significance="")
    assert (row.change, row.change_unit, row.verdict) == (change, "MB", verdict)


@pytest.mark.parametrize(
    ("new", "spreads", "verdict"),
    [
        (102.0, ([100, 102], [100]), "same"),  # within what processes of one report differ by
        (102.1, ([100, 102], [100]), "worse"),
        (98.0, ([100], [100, 102]), "same"),
        (97.9, ([100], [100, 102]), "better"),
        (106.0, ([100, 150], [100]), "regressed"),  # a spread beyond the threshold hides nothing
        (105.0, ([100, 150], [100]), "same"),
        (101.0, ([], []), "worse"),
        (101.0, ([0, 5], []), "worse"),
    ],
)
def test_memory_has_the_spread_of_its_processes(
    new: float, spreads: tuple[list[int], list[int]], verdict: Outcome
) -> None:
    row = memory_row("peak_rss_mb", 100.0, new, threshold=5.0, spreads=spreads)
    assert (row.verdict, row.unit, row.method) == (verdict, "MB", "maximum over processes")


def test_the_spread_is_told() -> None:
    row = memory_row("peak_rss_mb", 100.0, 100.0, threshold=5.0, spreads=([1000, 1015], [1000, 1007]))
    assert row.significance == "the highest of each; processes of one report differ by up to 1.5 %"


def test_missing_and_undecided() -> None:
    row = missing_row("a", 1.0, None, unit="ms", reason="not measured")
    assert (row.verdict, row.method, row.significance) == ("undecided", "none", "not measured")
    assert (row.old, row.new, row.change, row.lower, row.upper) == (1.0, None, None, None, None)
    assert (row.change_unit, row.threshold, row.unit, row.name) == ("%", 0.0, "ms", "a")
    open_ = undecided(exact(1.0, 2.0), "because")
    assert (open_.verdict, open_.method, open_.significance, open_.change) == ("undecided", "none", "because", 100)


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (20.1, 30, "regressed"),
        (20, 20.1, "undecided"),
        (20, 20, "worse"),
        (0.1, 20, "worse"),
        (0, 20, "same"),
        (-5, 0, "same"),
        (-5, -0.1, "better"),
    ],
)
def test_what_an_interval_means(lower: float, upper: float, verdict: Outcome) -> None:
    assert outcome(lower=lower, upper=upper, threshold=20) == verdict


def validity(kind: Kind, voids: Voids) -> Validity:
    cause = Cause(name="a", kind=kind, voids=voids, what="it was disturbed", hint="")
    return Validity(
        causes=(cause,), waiting=0, drift=1, neighbours_cores=None, busiest=(), swap_bytes=0, load_average=None
    )


@pytest.mark.parametrize("side", ["old", "new"])
@pytest.mark.parametrize("verdict", ["regressed", "worse", "same", "better"])
@pytest.mark.parametrize("voids", ["everything", "fails", "passes"])
def test_what_a_disturbance_leaves_of_a_row(side: str, verdict: Outcome, voids: Voids) -> None:
    """Contention (`fails`) makes times too long, swap (`passes`) memory too small. What hides a part of a regression
    leaves the regression standing; what adds to the change leaves everything else."""
    too_large = voids == "fails"
    change_is_too_large = too_large == (side == "new")
    stands = voids != "everything" and (verdict != "regressed") == change_is_too_large
    row = dataclasses.replace(exact(1.0, 1.0), verdict=verdict)
    pair = {"old": None, "new": None, side: validity("times", voids)}
    found = unless_void(row, "times", pair["old"], pair["new"])
    assert (found == row) == stands
    if not stands:
        assert (found.verdict, found.significance) == ("undecided", f"void in the {side} report: it was disturbed")


def test_only_disturbances_of_its_kind_count() -> None:
    row, times, everything = exact(1.0, 1.0), validity("times", "everything"), validity("all", "everything")
    assert unless_void(row, "memory", times, times) == row
    assert unless_void(row, "memory", None, None) == row
    assert unless_void(row, "other", everything, None).verdict == "undecided"
    open_ = undecided(row, "for another reason")
    assert unless_void(open_, "times", times, everything) == open_
