"""How much one limit's measurement changed between two reports, and whether that is a regression: a row per limit.

What is exact is decided by the threshold alone. What has an interval (`timed_change.py`) is `regressed` only when all
of it lies beyond the threshold, and `undecided` when the threshold lies inside: the threshold is the margin within
which nothing changed that anybody asked about. What was disturbed while it was measured (`validity.py`) counts only
where the disturbance cannot have made the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tinylm.budget.judge.validity import Validity
from tinylm.budget.report import LimitChange, Method, Outcome

_MOST = 1e9
"""Per cent, or a difference; what is larger was never measured, and JSON has no infinity."""


def exact_row(
    name: str, old: float, new: float, *, unit: str, threshold: float, method: Method, significance: str
) -> LimitChange:
    """A change in per cent of numbers without chance."""
    change = per_cent(new / old) if old > 0 else 0.0 if new == old else _MOST
    return LimitChange(
        name=name,
        unit=unit,
        old=old,
        new=new,
        change=change,
        lower=None,
        upper=None,
        change_unit="%",
        threshold=threshold,
        verdict=outcome(lower=change, upper=change, threshold=threshold),
        method=method,
        significance=significance,
    )


def difference_row(
    name: str, old: float, new: float, *, unit: str, threshold: float, method: Method, significance: str
) -> LimitChange:
    """A change in the limit's own unit, of numbers that may be 0 or less."""
    change = round(max(-_MOST, min(new - old, _MOST)), 6)
    row = exact_row(name, old, new, unit=unit, threshold=threshold, method=method, significance=significance)
    verdict = outcome(lower=change, upper=change, threshold=threshold)
    return replace(row, change=change, change_unit=unit, verdict=verdict)


def memory_row(
    name: str, old: float, new: float, *, threshold: float, spreads: tuple[Sequence[int], Sequence[int]]
) -> LimitChange:
    """Megabytes, the maximum of each report; `spreads` are the bytes of each process, for what is no change at all."""
    spread = max((100 * (max(each) / min(each) - 1) for each in spreads if each and min(each) > 0), default=0.0)
    row = exact_row(
        name,
        old,
        new,
        unit="MB",
        threshold=threshold,
        method="maximum over processes",
        significance=f"the highest of each; processes of one report differ by up to {min(spread, _MOST):.1f} %",
    )
    within = row.change is not None and abs(row.change) <= min(spread, threshold)
    return replace(row, verdict="same") if within else row


def outcome(*, lower: float, upper: float, threshold: float) -> Outcome:
    """What a change between `lower` and `upper` means; an exact one has both ends the same."""
    if lower > threshold:
        return "regressed"
    if upper > threshold:
        return "undecided"
    return "better" if upper < 0 else "worse" if lower > 0 else "same"


def missing_row(name: str, old: float | None, new: float | None, *, unit: str, reason: str) -> LimitChange:
    """A limit that one of the reports has no number for: open, so that nobody takes it for unchanged."""
    return LimitChange(
        name=name,
        unit=unit,
        old=old,
        new=new,
        change=None,
        lower=None,
        upper=None,
        change_unit="%",
        threshold=0.0,
        verdict="undecided",
        method="none",
        significance=reason,
    )


def undecided(row: LimitChange, reason: str) -> LimitChange:
    """The row with its numbers, and why they say nothing, however many more there were."""
    return replace(row, verdict="undecided", method="none", significance=reason)


def unless_void(
    row: LimitChange, kind: Literal["times", "memory", "other"], old: Validity | None, new: Validity | None
) -> LimitChange:
    """The row, unless what was seen while either report was measured may have made its verdict.

    Contention makes times too long, swap makes memory too small. So where it hides a part of the change, a regression
    stands; where it adds to the change, everything but a regression stands. What the row's interval covers is left out
    of either validity.
    """
    for side, validity in (("old", old), ("new", new)):
        for cause in validity.causes if validity is not None else ():
            if cause.kind not in ("all", kind) or row.verdict == "undecided":
                continue
            hides = (side == "new") == (cause.voids == "passes")
            if cause.voids == "everything" or (row.verdict == "regressed") != hides:
                return undecided(row, f"void in the {side} report: {cause.what}")
    return row


def per_cent(ratio: float) -> float:
    """The change that a ratio of new to old is."""
    return round(max(-_MOST, min(100 * (ratio - 1), _MOST)), 6)
