"""Whether two models that read the same documents differ: a paired bootstrap, and a sign-flip permutation test.

Both look at the difference in bits, unit by unit, so that what makes a text hard for both drops out. The bootstrap
says how large the difference is; the permutation test says how often chance alone would make one as large, if it were
a toss-up for every unit which of the two models is which (Fisher, The Design of Experiments, 1935; exact for up to 12
units, 10,000 draws with a fixed seed above). A difference counts when both say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinylm.base.numerals import change, counted, number
from tinylm.evaluation.bootstrap import CONFIDENCE, SEED, condense, ends, resample
from tinylm.evaluation.figures import Interval, enough
from tinylm.evaluation.units import Unit, groups_of, table_of

Verdict = Literal["better", "worse", "undecided", "too few units"]

_EXACT_UNITS = 12
_FLIPS = 10_000
_FLIPS_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The second model against the first on a group of documents, in bits per byte; less is better."""

    kind: Literal["all", "language", "length"]
    name: str
    units: int
    first: float
    second: float
    difference: float
    """`second` - `first`."""
    interval: Interval | None
    """95 %."""
    p_value: float | None
    """Two-sided, of the permutation test."""
    verdict: Verdict
    """Of the second model."""


def compare(first: Sequence[Unit], second: Sequence[Unit]) -> list[Difference]:
    """A row for every group; both lists are of the same documents. ValueError when they are not."""
    if [_identity(unit) for unit in first] != [_identity(unit) for unit in second]:
        raise ValueError("the two models were measured on different documents")
    return [
        _difference(group.kind, group.name, [first[i] for i in group.places], [second[i] for i in group.places])
        for group in groups_of(first)
    ]


def sentence(found: Difference, *, first: str, second: str) -> str:
    """The row in words."""
    if found.interval is None or found.p_value is None:
        return (
            f"no difference can be told from {counted(found.units, 'document')}:"
            f" {second} minus {first} is {change(found.difference)} bits per byte"
        )
    low, high = found.interval
    probability = f"p = {number(found.p_value)}"
    if found.verdict == "undecided":
        return (
            f"no difference can be told: {second} minus {first} is {change(found.difference)} bits per byte"
            f" (95 % interval {change(low)} to {change(high)}, {probability})"
        )
    size, ends_ = abs(found.difference), sorted((abs(low), abs(high)))
    return (
        f"{second} is {found.verdict} than {first} by {size:.4f} bits per byte"
        f" (95 % interval {ends_[0]:.4f} to {ends_[1]:.4f}, {probability}): significant"
    )


def sign_flip_p_value(differences: NDArray[np.float64]) -> float:
    """How often random signs make the sum of `differences` [n] at least as far from zero as it is."""
    values = condense(differences[:, None])[:, 0]
    n = len(values)
    # sums that are equal but for rounding count as equal
    observed = abs(values.sum()) - 1e-9 * np.abs(values).sum()
    if n <= _EXACT_UNITS:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(np.abs(signs @ values) >= observed))
    generator = np.random.default_rng(SEED)
    beyond = 0
    for _ in range(_FLIPS // _FLIPS_AT_ONCE):
        signs = 2.0 * generator.integers(0, 2, size=(_FLIPS_AT_ONCE, n)) - 1.0
        beyond += int((np.abs(signs @ values) >= observed).sum())
    return (1 + beyond) / (1 + _FLIPS)


def _difference(
    kind: Literal["all", "language", "length"], name: str, first: Sequence[Unit], second: Sequence[Unit]
) -> Difference:
    table = np.column_stack([table_of(first)[:, 0], table_of(second)[:, 0], table_of(first)[:, 3]])
    bits_first, bits_second, text_bytes = table.sum(axis=0)
    interval = p_value = None
    verdict: Verdict = "too few units"
    if enough(first):
        languages = [unit.language for unit in first]
        drawn = resample(table, languages)
        change = (drawn[:, 1] - drawn[:, 0]) / drawn[:, 2]
        interval = ends(change, units=len(first), strata=len(set(languages)))
        p_value = sign_flip_p_value(table[:, 1] - table[:, 0])
        verdict = _verdict(interval, p_value)
    return Difference(
        kind=kind,
        name=name,
        units=len(first),
        first=float(bits_first / text_bytes),
        second=float(bits_second / text_bytes),
        difference=float((bits_second - bits_first) / text_bytes),
        interval=interval,
        p_value=p_value,
        verdict=verdict,
    )


def _verdict(interval: Interval, p_value: float) -> Verdict:
    if p_value > 1 - CONFIDENCE or interval[0] <= 0 <= interval[1]:
        return "undecided"
    return "better" if interval[1] < 0 else "worse"


def _identity(unit: Unit) -> tuple[str, int, int]:
    return unit.language, unit.document, unit.cost.text_bytes
