"""Confidence intervals by drawing again: for ratios of sums over documents, such as bits per byte.

    drawn = resample(np.array([[bits, text_bytes], ...]))        # a row a document
    low, high = ends(drawn[:, 0] / drawn[:, 1], units=len(...))

A cluster bootstrap (Davison and Hinkley, Bootstrap Methods and their Application, 1997, chapter 3.8). Tokens of a
document are not independent, so whole documents, or long stretches of one, are drawn: with replacement, as many as
there are, and every figure is computed from a draw's sums. The draws are the same every time: the seed is fixed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tinylm.base.student_t import student_quantile

CONFIDENCE = 0.95
DRAWS = 4000
SEED = 0
FEWEST_UNITS = 5
"""With fewer there is no interval: five documents hardly say how texts differ."""
_MOST_UNITS = 1000
"""Of more, neighbours are drawn together: the interval stays right, and the time stays short."""


def resample(table: NDArray[np.float64], strata: Sequence[str] | None = None) -> NDArray[np.float64]:
    """Column sums of `DRAWS` draws from the rows of `table` [n, k]: float64 [DRAWS, k].

    With `strata`, a label a row, every draw has as many rows of each label as the table: how much text there is in
    each language is not a matter of chance.
    """
    labels = np.array(["" for _ in table] if strata is None else strata)
    generator = np.random.default_rng(SEED)
    sums = np.zeros((DRAWS, table.shape[1]))
    for label in np.unique(labels):
        part = condense(table[labels == label])
        n = len(part)
        sums += generator.multinomial(n, np.full(n, 1 / n), size=DRAWS) @ part
    return sums


def condense(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The table itself, or with neighbouring rows added up when there are more than 1000."""
    n = len(table)
    if n <= _MOST_UNITS:
        return table
    summed: NDArray[np.float64] = np.add.reduceat(table, np.arange(_MOST_UNITS) * n // _MOST_UNITS)
    return summed


def ends(values: NDArray[np.float64], *, units: int, strata: int = 1) -> tuple[float, float]:
    """The ends of the 95 % interval of a figure, computed from every draw of `units` rows in `strata` groups."""
    level = _tail(units, strata)
    low, high = np.quantile(values, [level, 1 - level])
    return float(low), float(high)


def _tail(n: int, strata: int) -> float:
    """The share of the draws beyond each end: less than 2.5 %, because few units vary too little.

    Hesterberg's expanded percentile interval (https://arxiv.org/abs/1411.5279). Every stratum's own mean costs a
    degree of freedom.
    """
    freedom = max(n - strata, 1)
    return NormalDist().cdf(-student_quantile((1 + CONFIDENCE) / 2, freedom) * math.sqrt(n / freedom))
