"""What throttling, swap, neighbours and clocks do to a measurement, and which verdicts survive them.

Disturbances have a direction, so a disturbed run is not always worthless:

- **Contention** (another process took the processor) only makes times longer. A pass under contention stands; a fail
  could be the neighbour's fault, so it is void.
- **Drift** (the same work takes more or less time later) breaks the promise that the samples are exchangeable, which
  the confidence rests on. Times are void.
- Neither matters where there is room for it: when even the slowest request, made slower by the whole drift once more,
  is under the limit, or even the fastest one, without the drift and the waiting, is over it.
- **Throttling, under-voltage, a wrong governor, a clock that jumped or a machine that slept**: what was timed is not
  the device that the budget is about. All times are void.
- **Swap** only makes resident memory smaller and times longer. A fail of memory and a pass of times stand.
- **Wrong golden tokens**: it is not the exported model that ran. Everything but sizes is void.

Whatever voids is a `Cause` with what was seen and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tinylm.budget.judge.drift import MOST_DRIFT, request_drift, work_drift
from tinylm.budget.measure.conditions import MachineState
from tinylm.machine.facts import BusyProcess
from tinylm.machine.firmware import THROTTLED_BITS, decode
from tinylm.runtime.measurement.protocol import MemoryResult, ProbeResult

MOST_WAITING = 0.10
"""Share of the requests' time spent waiting for a core, above which there is contention."""
_OVERBOOKED_CORES = 0.1
"""How much more than the cores that the requests leave free others may take."""
_CLOCK_JUMP_S = 0.5
_SUSPENDED_S = 0.1
_SWAPPED_BYTES = 1_000_000
_NOW_BITS = THROTTLED_BITS[:4]

Kind = Literal["times", "memory", "all"]
Voids = Literal["everything", "fails", "passes"]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One thing that voids a kind of measurement."""

    name: str
    kind: Kind
    voids: Voids
    what: str
    """What was seen."""
    hint: str


@dataclass(frozen=True, kw_only=True)
class Validity:
    """What was watched, and what it voids."""

    causes: tuple[Cause, ...]
    waiting: float
    """Largest share, over the processes, of the requests' time spent waiting for a core that other work had."""
    drift: float
    """Slowest over fastest part of the run, of the fixed work or of the requests; 1 is a steady device."""
    neighbours_cores: float | None
    """Cores that other processes took, on average."""
    busiest: tuple[BusyProcess, ...]
    swap_bytes: int
    """Most memory of a probe that had gone to swap, where resident memory does not count it."""
    load_average: float | None
    """Of the machine over the last minute, before the first process started."""

    def void(self, verdict: str, kind: Literal["times", "memory", "other"], *, room: bool = False) -> Cause | None:
        """What makes a pass or a fail of this kind void; None when it stands.

        With `room` it is so far from the limit that contention and drift cannot have decided it.
        """
        for cause in self.causes:
            if room and cause.name in ("contention", "drift"):
                continue
            if cause.kind in ("all", kind) and (cause.voids == "everything" or cause.voids.startswith(verdict)):
                return cause
        return None

    def room(self, verdict: str, samples: Sequence[float], limit: float) -> bool:
        """Whether every sample lies on the verdict's side of the limit, with what the disturbances could have done."""
        if verdict == "pass":
            return max(samples) * self.drift <= limit
        return min(samples) / self.drift * (1 - self.waiting) > limit


def judge_validity(
    processes: Sequence[ProbeResult],
    *,
    memory: MemoryResult | None = None,
    states: Sequence[MachineState] = (),
    busiest: tuple[BusyProcess, ...] = (),
    cores: int = 1,
    threads: int = 1,
    governors: Sequence[str] = (),
    load_average: float | None = None,
) -> Validity:
    """Judge what the probes and the watch saw; `processes` holds at least one.

    `cores` are the machine's, `threads` the request's, and `governors` what the budget accepts (any, when empty).
    """
    waiting = max(_waiting(process, threads) for process in processes)
    latency = [value for process in processes for value in process.latency_ms]
    drift = max(work_drift([process.work_ms for process in processes]), request_drift(latency))
    others = _neighbours(states)
    told = [process.memory for process in processes] + ([] if memory is None else [memory.memory])
    swap = max((each.swap_bytes or 0 for each in told if each is not None), default=0)
    causes = [
        *_golden(processes),
        *_firmware(states),
        *_governor(states, governors),
        *_clocks(states),
        *_swap(swap, states),
        *_contention(waiting, others, busiest, free=cores - threads),
    ]
    if drift > MOST_DRIFT:
        causes.append(
            _voids_times(
                "drift",
                what=f"the same work took {drift:.2f} times as long at one time as at another",
                hint="let the board cool down, stop what else runs, and measure again",
            )
        )
    return Validity(
        causes=tuple(causes),
        waiting=round(waiting, 4),
        drift=round(drift, 4),
        neighbours_cores=others,
        busiest=busiest,
        swap_bytes=swap,
        load_average=load_average,
    )


def _voids_times(name: str, *, what: str, hint: str) -> Cause:
    """What was timed is not the device that the budget is about."""
    return Cause(name=name, kind="times", voids="everything", what=what, hint=hint)


def _waiting(process: ProbeResult, threads: int) -> float:
    """Share of the requests' time in which the process wanted a core and had none.

    Wall time beyond processor time is waiting; when most waits were page faults it was for the process's own pages,
    which no neighbour is to blame for. Several threads hide waiting here: their processor times add up. Of a server it
    is what the kernel says, because its threads also wait for each other and for the client.
    """
    wall = sum(process.latency_ms)
    if process.serving is not None:
        return sum(process.waited_ms) / wall if wall > 0 else 0.0
    if process.involuntary_switches <= process.major_faults or wall <= 0 or threads > 1:
        return 0.0
    return max(0.0, 1 - process.requests_cpu_ms / wall)


def _neighbours(states: Sequence[MachineState]) -> float | None:
    """Cores that others took between the first and the last look."""
    if len(states) < 2:
        return None
    first, last = states[0], states[-1]
    seconds = last.at_s - first.at_s
    if first.busy_core_s is None or last.busy_core_s is None or seconds <= 0:
        return None
    own = last.own_core_s - first.own_core_s
    return round(max(0.0, (last.busy_core_s - first.busy_core_s - own) / seconds), 3)


def _golden(processes: Sequence[ProbeResult]) -> Iterator[Cause]:
    wrong = [text for process in processes if process.verification for text in process.verification.mismatches]
    if wrong:
        yield Cause(
            name="golden",
            kind="all",
            voids="everything",
            what=f"the bundle failed its golden test here: {wrong[0]}",
            hint="`tinylm bundle verify` says whether its files are whole; try another version of onnxruntime",
        )


def _firmware(states: Sequence[MachineState]) -> Iterator[Cause]:
    told = [state.throttled for state in states if state.throttled is not None]
    # Bits that remember count only when they were set meanwhile; what happened before is the doctor's business.
    bits = {bit for value in told for bit in decode(value) if bit in _NOW_BITS}
    bits |= {bit - 16 for bit in decode(told[-1] & ~told[0]) if bit >= 16} if told else set()
    if 0 in bits or any(state.undervoltage for state in states):
        yield _voids_times(
            "under-voltage",
            what="the board's voltage was too low while it was measured",
            hint="use the board's own power supply and a short, thick cable",
        )
    if bits - {0}:
        words = {1: "its clock was capped", 2: "it was throttled", 3: "it reached its soft temperature limit"}
        seen = " and ".join(words[bit] for bit in sorted(bits - {0}))
        hottest = max((m.temperature_c for m in states if m.temperature_c is not None), default=None)
        heat = "" if hottest is None else f", at up to {hottest:.0f} °C"
        yield _voids_times(
            "throttling",
            what=f"the board slowed down while it was measured: {seen}{heat}",
            hint="give it a heat sink or a fan and let it cool down; `--soak` measures the sustained speed on purpose",
        )


def _governor(states: Sequence[MachineState], accepted: Sequence[str]) -> Iterator[Cause]:
    seen = sorted({name for state in states for name in state.governors})
    wrong = [name for name in seen if name not in accepted]
    if accepted and wrong:
        wanted = " or ".join(f"`{name}`" for name in accepted)
        yield _voids_times(
            "governor",
            what=f"the clock's governor is `{wrong[0]}`; the budget is about {wanted}",
            hint=f"echo {accepted[0]} | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
        )


def _clocks(states: Sequence[MachineState]) -> Iterator[Cause]:
    if len(states) < 2:
        return
    slept = states[-1].suspended_s - states[0].suspended_s
    # While a machine sleeps its wall clock goes on and its steady clock does not.
    offsets = [state.wall_offset_s - state.suspended_s for state in states]
    if slept > _SUSPENDED_S:
        yield _voids_times(
            "sleep",
            what=f"the machine slept for {slept:.1f} s while it was measured",
            hint="keep it awake and measure again",
        )
    moved = [later - earlier for earlier, later in pairwise(offsets)]
    if (jump := max(moved, key=abs)) and abs(jump) > _CLOCK_JUMP_S:
        yield _voids_times(
            "clock",
            what=f"the clock jumped {'forward' if jump > 0 else 'back'} by {abs(jump):.1f} s while it was measured",
            hint="wait until the time is synchronised (`timedatectl`), then measure again",
        )


def _swap(swap_bytes: int, states: Sequence[MachineState]) -> Iterator[Cause]:
    counts = [state.swapped_out_bytes for state in states if state.swapped_out_bytes is not None]
    grew = counts[-1] - counts[0] if counts else 0
    if not swap_bytes and grew < _SWAPPED_BYTES:
        return
    hint = "free memory first, or turn swap off for the check: sudo swapoff -a"
    parts = [f"{swap_bytes / 1e6:.1f} MB of a probe were in swap, uncounted"] if swap_bytes else []
    parts += [f"the system wrote {grew / 1e6:.1f} MB to swap"] if grew >= _SWAPPED_BYTES else []
    what = "; ".join(parts)
    yield Cause(name="swap", kind="memory", voids="passes", what=what, hint=hint)
    yield Cause(name="swap", kind="times", voids="fails", what=what, hint=hint)


def _contention(waiting: float, others: float | None, busiest: Sequence[BusyProcess], *, free: int) -> Iterator[Cause]:
    parts = []
    if waiting > MOST_WAITING:
        parts.append(f"requests waited for a core {100 * waiting:.0f} % of their time")
    if others is not None and others > free + _OVERBOOKED_CORES:
        parts.append(f"other processes took {others:.1f} cores")
    if not parts:
        return
    names = ", ".join(f"`{process.name}` ({process.pid})" for process in busiest[:3])
    yield Cause(
        name="contention",
        kind="times",
        voids="fails",
        what=" and ".join(parts) + (f": {names}" if names else ""),
        hint="stop what else runs on this machine, and measure again",
    )
