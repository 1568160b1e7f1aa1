"""Rows of what takes time: requests with a bootstrap interval, an emulator's instruction counts, starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from tinylm.budget.change import Row, exact_row, outcome, per_cent, undecided
from tinylm.budget.ratio import FEWEST_PROCESSES, Ratio, ratios
from tinylm.budget.spec import QUANTILE
from tinylm.budget.statistics import observed
from tinylm.runtime.probe_contract import ProbeResult

if TYPE_CHECKING:
    from tinylm.budget.report import ColdStart

Samples = Callable[[ProbeResult], Sequence[float]]
"""The times of a process's requests."""
_IMPOSSIBLE = "a report holds a time that no clock can have measured"


def times_row(
    name: str,
    old: Sequence[ProbeResult],
    new: Sequence[ProbeResult],
    samples: Samples,
    *,
    threshold: float,
    level: float,
    drift: float,
) -> Row:
    """The p95 of a time in ms. `drift` (1 or more) is by how much the device changed while it was measured; the
    interval is widened by it, as the change between the reports may be the device's."""
    before, after = [list(samples(process)) for process in old], [list(samples(process)) for process in new]
    before, after = [one for one in before if one], [one for one in after if one]
    paired = _numbers(old, samples) == _numbers(new, samples)
    row = exact_row(
        name,
        observed([value for one in before for value in one], QUANTILE),
        observed([value for one in after for value in one], QUANTILE),
        unit="ms",
        threshold=threshold,
        method="paired bootstrap" if paired else "unpaired bootstrap",
        significance="",
    )
    if not _possible([value for one in (*before, *after) for value in one]):
        return undecided(row, _IMPOSSIBLE)
    if min(len(before), len(after)) < FEWEST_PROCESSES:
        return undecided(
            row, "with one process a side, luck cannot be told from change: set `processes` to 2 or more, better 4"
        )
    p95, middle = ratios(before, after, paired=paired, quantiles=(QUANTILE, 0.5), level=level)
    lower, upper = per_cent(p95.lower / drift), per_cent(p95.upper * drift)
    counts = f"{sum(map(len, before))} and {sum(map(len, after))} requests of {len(before)} and {len(after)} processes"
    significance = (
        f"{'paired' if paired else 'unpaired'} bootstrap of {counts}: p95 {_interval(lower, upper)}, median"
        f" {per_cent(middle.value):+.1f} % ({_between(middle)}), either end with {100 * level:.4g} % confidence"
    )
    if drift > 1:
        significance += f"; the p95's is widened, as the device drifted by {drift:.2f} times"
    verdict = outcome(lower=lower, upper=upper, threshold=threshold)
    return replace(row, lower=lower, upper=upper, verdict=verdict, significance=significance)


def instructions_row(
    name: str,
    old: Sequence[ProbeResult],
    new: Sequence[ProbeResult],
    samples: Samples,
    *,
    threshold: float,
) -> Row:
    """Instruction counts of an emulator, request by request: they repeat, so every pair is evidence by itself."""
    before = [value for process in old for value in samples(process)]
    after = [value for process in new for value in samples(process)]
    row = exact_row(
        name,
        max(before),
        max(after),
        unit="M instructions",
        threshold=threshold,
        method="instruction counts",
        significance="",
    )
    if _numbers(old, samples) != _numbers(new, samples):
        return undecided(row, "the reports hold different requests")
    if not _possible([*before, *after]):
        return undecided(row, _IMPOSSIBLE)
    changes = [per_cent(b / a) for a, b in zip(before, after, strict=True)]
    lower, upper = min(changes), max(changes)
    return replace(
        row,
        change=median(changes),
        lower=lower,
        upper=upper,
        verdict=outcome(lower=lower, upper=upper, threshold=threshold),
        significance=f"{len(changes)} pairs of the same request: all {_interval(lower, upper)}",
    )


def cold_start_row(old: ColdStart, new: ColdStart, *, threshold: float) -> Row | None:
    """The first start, with the later ones as a second witness: a single start decides nothing. None without one."""
    if old.first_ms is None or new.first_ms is None:
        return None
    row = exact_row(
        "cold_start_ms",
        old.first_ms,
        new.first_ms,
        unit="ms",
        threshold=threshold,
        method="first and later starts",
        significance="",
    )
    if old.cache_dropped != new.cache_dropped:
        return undecided(row, "one of the first starts may have found its files in the system's cache")
    if not old.warm_ms or not new.warm_ms:
        return undecided(row, "there was one start only, and a single start decides nothing")
    if not _possible([old.first_ms, new.first_ms, *old.warm_ms, *new.warm_ms]):
        return undecided(row, _IMPOSSIBLE)
    first, later = per_cent(new.first_ms / old.first_ms), per_cent(median(new.warm_ms) / median(old.warm_ms))
    lower, upper = min(first, later), max(first, later)
    return replace(
        row,
        lower=lower,
        upper=upper,
        verdict=outcome(lower=lower, upper=upper, threshold=threshold),
        significance=f"first starts {first:+.0f} %, the median of the later ones {later:+.0f} %; both count",
    )


def _possible(times: Sequence[float]) -> bool:
    """Whether these may be times at all: a report is a file, and files can be edited."""
    return all(1e-6 < value < 1e9 for value in times)


def _numbers(processes: Sequence[ProbeResult], samples: Samples) -> list[object]:
    """Which requests each process did: the same number means the same prompt and the same seed of the sampler."""
    return [(process.first_request, len(samples(process))) for process in processes if samples(process)]


def _between(ratio: Ratio) -> str:
    return f"{per_cent(ratio.lower):+.1f} to {per_cent(ratio.upper):+.1f}"


def _interval(lower: float, upper: float) -> str:
    return f"{lower:+.1f} to {upper:+.1f} %"
