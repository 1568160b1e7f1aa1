"""What contention, throttling and swap do to a measurement, and which verdicts survive them.

Disturbances have a direction, so a disturbed run is not worthless:

- **Contention** (other work on the same cores) only makes times longer. A pass under contention stands; a fail under
  contention could be the neighbour's fault, so it is void and the verdict is `undecided`.
- **Drift** (the same work takes more processor time later or earlier: throttling, a changing clock) breaks the promise
  that the samples are exchangeable, which the confidence rests on. A fail is void, and a pass stands only when even the
  slowest request, made slower by the whole drift once more, would be under the limit.
- **Swap** only makes resident memory smaller. A fail stands; a pass is void.

Sizes in bytes and generated tokens are not touched by any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinylm.runtime.probe_contract import ProbeResult

MOST_WAITING = 0.10
"""Share of the requests' time spent waiting for a core, above which there is contention."""
MOST_DRIFT = 1.10
"""Slowest over fastest of one fixed work unit, above which the clock was not steady."""


@dataclass(frozen=True, kw_only=True)
class TimeValidity:
    waiting: float
    """Largest share, over the processes, of the requests' time spent waiting for a core that other work had."""
    drift: float
    """Processor time of the slowest run of the fixed work unit over that of the fastest; 1 is a steady clock."""
    contention: bool
    drifted: bool
    load_average: float | None
    """Of the machine over the last minute, before the first process started."""
    explanation: str


@dataclass(frozen=True, kw_only=True)
class MemoryValidity:
    swap_bytes: int
    """Most memory of a probe that had gone to swap, where resident memory does not count it."""
    swapped: bool
    explanation: str


@dataclass(frozen=True, kw_only=True)
class Validity:
    """Per kind of measurement: what was watched, and what it voids."""

    times: TimeValidity
    memory: MemoryValidity


def judge_validity(processes: Sequence[ProbeResult], load_average: float | None) -> Validity:
    """Judge what the probes saw of their surroundings; `processes` holds at least one."""
    waiting = max(_waiting(process) for process in processes)
    units = [value for process in processes for value in (process.work_before_ms, process.work_after_ms)]
    drift = max(units) / min(units)
    contention, drifted = waiting > MOST_WAITING, drift > MOST_DRIFT
    causes = []
    if contention:
        causes.append(f"requests waited for a core {100 * waiting:.0f} % of their time (contention)")
    if drifted:
        causes.append(f"the same work took up to {drift:.2f} times as long (throttling, or a busy neighbour)")
    times = TimeValidity(
        waiting=round(waiting, 4),
        drift=round(drift, 4),
        contention=contention,
        drifted=drifted,
        load_average=load_average,
        explanation="; ".join(causes)
        or f"steady clock (drift {drift:.2f}), {100 * waiting:.0f} % of the time waiting for a core",
    )
    swap = max((process.memory.swap_bytes for process in processes if process.memory is not None), default=0)
    memory = MemoryValidity(
        swap_bytes=swap,
        swapped=swap > 0,
        explanation=f"{swap / 1e6:.1f} MB were in swap, uncounted" if swap else "nothing was in swap",
    )
    return Validity(times=times, memory=memory)


def _waiting(process: ProbeResult) -> float:
    """Share of the requests' time in which the process wanted a core and had none.

    Wall time beyond processor time is waiting; when most waits were page faults it was for the process's own pages,
    which no neighbour is to blame for. Several threads hide waiting here: their processor times add up.
    """
    if process.involuntary_switches <= process.major_faults:
        return 0.0
    return max(0.0, 1 - process.requests_cpu_ms / process.requests_wall_ms)
