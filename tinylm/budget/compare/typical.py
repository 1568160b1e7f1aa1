"""How fast a process typically is, and by how much that changed between two reports, whatever the neighbours do.

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
from statistics import median, stdev

from tinylm.base.student_t import student_quantile
from tinylm.budget.statistics.binomial import observed
from tinylm.budget.statistics.ratio import FEWEST_PROCESSES, Ratio, ratio
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
