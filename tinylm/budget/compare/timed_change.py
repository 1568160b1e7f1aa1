"""By how much times changed between two reports, whatever the neighbours did, and the rows of what takes time.

A p95 is what a limit is about, and what a busy machine decides: of two checks of one bundle on two shared cores, one
had three times the other's. Three things keep the machine out of a comparison:

- *Waiting for a core* that others had is taken off every request. The kernel keeps account of it; what a program waits
  for of its own accord, such as a pause or a disk, is not in it.
- The witness is the *lower quartile* of each process's requests: what neighbours do to caches reaches some requests
  more than others, what a change of the software does reaches all of them.
- The fixed work of the probes says by how much the machine is slower or faster as a whole. How much of that a request
  feels, nobody knows, so the interval covers none of it and all of it.

What a machine does from one report to the next beside all that has an allowance. Where neighbours had the core for much
more of the time in one report than in the other, they did more to the caches there than it allows; then the rule of
`change.unless_void` holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median, stdev

from tinylm.base.student_t import student_quantile
from tinylm.budget.compare.change import exact_row, outcome, per_cent, undecided
from tinylm.budget.report import ColdStart, LimitChange
from tinylm.budget.spec.budget import QUANTILE
from tinylm.budget.statistics.binomial import observed
from tinylm.budget.statistics.process_variance import FEWEST_PROCESSES, Ratio, ratio
from tinylm.runtime.measurement.protocol import ProbeResult

Samples = Callable[[ProbeResult], Sequence[float]]
"""The times of a process's requests."""
QUARTILE = 0.25
BETWEEN_REPORTS = 1.03
"""Two reports of an unchanged bundle differ by up to this factor beyond what their processes explain: two standard
deviations of 21 checks on two shared cores, where others had the core for up to a third of the time."""
MORE_TAKEN = 1 / 3
"""Share of the requests' time by which others may have the core for longer in one report than in the other."""
WELL_KNOWN = 1.05
"""Within this factor a report knows its own typical request: enough to tell a threshold of 20 % from no change."""


def change_of(
    old: Sequence[ProbeResult],
    new: Sequence[ProbeResult],
    samples: Samples,
    quantile: float,
    *,
    lower: float,
    upper: float,
    work: float,
) -> Ratio:
    """By which factor a quantile of the undisturbed times changed; processes are the observations.

    At least FEWEST_PROCESSES a side, each with requests. `lower` and `upper` are the confidence of either end, `work`
    is by how much slower the machine is at the fixed work (`work_change`).
    """
    sides = ([observed(undisturbed_ms(process, samples), quantile) for process in side] for side in (old, new))
    found = ratio(*sides, lower=lower, upper=upper)
    return Ratio(
        value=found.value,
        lower=found.lower / max(1.0, work) / BETWEEN_REPORTS,
        upper=found.upper / min(1.0, work) * BETWEEN_REPORTS,
    )


def undisturbed_ms(process: ProbeResult, samples: Samples) -> list[float]:
    """The times without what others had the core for, in the same order; as measured where that is not known.

    A part of a request, such as its first token, has its share of the waiting.
    """
    times = samples(process)
    if len(process.waited_ms) != len(times):
        return list(times)
    shares = (
        1 - waited / whole if whole > 0 else 1.0
        for waited, whole in zip(process.waited_ms, process.latency_ms, strict=True)
    )
    return [value * max(share, 1e-6) for value, share in zip(times, shares, strict=True)]


def well_known(processes: Sequence[ProbeResult], samples: Samples) -> bool:
    """Whether these processes differ so little that a later comparison can rely on them. This looks at their spread and
    not at their level, so going on until it holds favours no answer."""
    levels = [math.log(observed(undisturbed_ms(process, samples), QUARTILE)) for process in processes]
    if len(levels) < FEWEST_PROCESSES:
        return False
    margin = student_quantile(0.95, len(levels) - 1) * stdev(levels) / math.sqrt(len(levels))
    return margin <= math.log(WELL_KNOWN)


def neighbours_are_covered(side: Sequence[ProbeResult], other: Sequence[ProbeResult]) -> bool:
    """Whether taking off the waiting for a core takes off what neighbours did to this side and not to the other one."""
    taken, others = taken_share(side), taken_share(other)
    return taken is not None and others is not None and taken - others <= MORE_TAKEN


def taken_share(processes: Sequence[ProbeResult]) -> float | None:
    """Share of the requests' time in which others had the core; None where it is not known."""
    if not all(len(process.waited_ms) == len(process.latency_ms) for process in processes):
        return None
    whole = sum(sum(process.latency_ms) for process in processes)
    return sum(sum(process.waited_ms) for process in processes) / whole if whole > 0 else None


def work_change(old: Sequence[ProbeResult], new: Sequence[ProbeResult]) -> float:
    """Time of the fixed work between the requests, new over old; 1 where nobody can say."""
    levels = [median(observed(process.work_ms, QUARTILE) for process in side) for side in (old, new)]
    return levels[1] / levels[0] if min(levels) > 0 else 1.0


_SAME_WORK = 0.05
"""Less than this is what the fixed work itself varies by."""
_IMPOSSIBLE = "a report holds a time that no clock can have measured"


def times_row(
    name: str,
    old: Sequence[ProbeResult],
    new: Sequence[ProbeResult],
    samples: Samples,
    *,
    threshold: float,
    level: float,
    work: float,
) -> LimitChange:
    """A time of the requests in ms; `work` is by how much slower the machine is as a whole (`work_change`).

    What is typical of a process decides. The p95 has a say where it is shown to be worse. So two tests may say
    `regressed`, and each has half of the error that `level` leaves.
    """
    before, after = [process for process in old if samples(process)], [process for process in new if samples(process)]
    typical_ms, slow_ms = (_levels(before, after, samples, quantile) for quantile in (QUARTILE, QUANTILE))
    row = exact_row(
        name,
        *typical_ms,
        unit="ms",
        threshold=threshold,
        method="typical request",
        significance="",
    )
    if not _possible([value for process in (*before, *after) for value in samples(process)]):
        return undecided(row, _IMPOSSIBLE)
    if min(len(before), len(after)) < FEWEST_PROCESSES:
        return undecided(
            row, "with one process a side, luck cannot be told from change: set `processes` to 2 or more, better 4"
        )
    half = 1 - (1 - level) / 2
    typical, p95 = (
        change_of(before, after, samples, quantile, lower=half, upper=level, work=work)
        for quantile in (QUARTILE, QUANTILE)
    )
    counts = [f"{sum(len(samples(each)) for each in side)} requests of {len(side)}" for side in (before, after)]
    remarks = [
        f"{counts[0]} processes before and {counts[1]} now, without the time that others had the core: lower quartile"
        f" {_shown(typical)}, p95 {_shown(p95)}, at least so much with {100 * half:.3g} % confidence each and at most"
        f" with {100 * level:.3g} %"
    ]
    if abs(work - 1) >= _SAME_WORK:
        remarks.append(f"the machine takes {100 * (work - 1):+.0f} % for the same work, and both intervals cover that")
    row = _with(row, typical, threshold=threshold)
    if row.verdict != "regressed" and per_cent(p95.lower) > threshold:
        row = replace(row, old=slow_ms[0], new=slow_ms[1], method="p95 of processes")
        row = _with(row, p95, threshold=threshold)
    if row.verdict == "undecided":
        remarks.append("more `processes` in the budget would tell, in both reports")
    return replace(row, significance="; ".join(remarks))


def _levels(
    old: Sequence[ProbeResult], new: Sequence[ProbeResult], samples: Samples, quantile: float
) -> tuple[float, float]:
    """What a quantile of the undisturbed times is in the middle one of each side's processes."""
    before, after = (
        median(observed(undisturbed_ms(process, samples), quantile) for process in side) for side in (old, new)
    )
    return round(before, 4), round(after, 4)


def _with(row: LimitChange, change: Ratio, *, threshold: float) -> LimitChange:
    lower, upper = per_cent(change.lower), per_cent(change.upper)
    verdict = outcome(lower=lower, upper=upper, threshold=threshold)
    return replace(row, change=per_cent(change.value), lower=lower, upper=upper, verdict=verdict)


def instructions_row(
    name: str,
    old: Sequence[ProbeResult],
    new: Sequence[ProbeResult],
    samples: Samples,
    *,
    threshold: float,
) -> LimitChange:
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


def cold_start_row(old: ColdStart, new: ColdStart, *, threshold: float) -> LimitChange | None:
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


def _shown(change: Ratio) -> str:
    return f"{per_cent(change.value):+.1f} % ({per_cent(change.lower):+.1f} to {per_cent(change.upper):+.1f})"


def _interval(lower: float, upper: float) -> str:
    return f"{lower:+.1f} to {upper:+.1f} %"
