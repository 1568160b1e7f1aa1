"""The state of the machine while it is measured: clock, heat, voltage, swap, neighbours, time. Facts, no judgement.

monitor = MachineMonitor()
monitor.sample()                     # before the first probe, between probes, after the last one
with monitor.polling_firmware():          # while a probe runs: throttling that is over when it has ended
    ...
monitor.states, monitor.busy_processes()
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinylm.machine.facts import BusyProcess
from tinylm.machine.firmware import ask_firmware, read_firmware, read_throttled
from tinylm.machine.kernel_files import text, whole
from tinylm.machine.processor import read_policies
from tinylm.machine.surroundings import busy_since, processor_ticks

_IDLE_FIELDS = (3, 4)  # of the `cpu` line in /proc/stat: idle, and waiting for storage (man 5 proc)
_LISTEN_S = 2.0
_GUEST_FIELDS = (8, 9)  # counted in user and nice already


@dataclass(frozen=True, kw_only=True)
class MachineState:
    """What was seen at one time; None is what this machine does not tell."""

    at_s: float
    """From the first look."""
    temperature_c: float | None
    clock_mhz: float | None
    """Of the slowest cores, as the kernel says now."""
    governors: tuple[str, ...]
    """How the kernel picks the clock; empty where it is not ours to see, as in most clouds."""
    throttled: int | None
    """The bits of `vcgencmd get_throttled`, now and whenever it was listened to since the last look."""
    undervoltage: bool | None
    """The kernel's alarm."""
    swapped_out_bytes: int | None
    """Written to swap since the system started."""
    busy_core_s: float | None
    """Processor time of all cores since the system started, by whomever."""
    own_core_s: float
    """Of this process and the probes it has waited for."""
    wall_offset_s: float
    """Wall clock less the steady clock: it changes when somebody sets the time."""
    suspended_s: float
    """How long the machine has slept since it started."""


class MachineMonitor:
    """Looks at the machine whenever it is told to, and remembers."""

    def __init__(self, root: Path = Path("/"), ask: Callable[..., str] = ask_firmware) -> None:
        """`root` is where `proc` and `sys` are mounted, `ask` what asks the firmware."""
        self._root, self._ask = root, ask
        self._start = time.monotonic()
        self._ticks = processor_ticks(root)
        self._heard = 0
        self.states: list[MachineState] = []

    @contextmanager
    def polling_firmware(self) -> Iterator[None]:
        """Ask the firmware every two seconds for as long as the block runs, on another core than the probe's.

        The bits that remember say nothing when they were set before, and those of now are gone when the load is. Only
        where the last look had an answer.
        """
        if not self.states or self.states[-1].throttled is None:
            yield
            return
        over = threading.Event()

        def listen() -> None:
            while not over.wait(_LISTEN_S):
                self._heard |= read_throttled(self._ask)[0] or 0

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield
        finally:
            over.set()
            listener.join()

    def sample(self) -> MachineState:
        """Read everything once; some 10 ms on a Raspberry Pi."""
        firmware, policies = read_firmware(self._root, self._ask), read_policies(self._root)
        clocks = [policy.current_mhz for policy in policies if policy.current_mhz is not None]
        times, steady = os.times(), time.monotonic()
        state = MachineState(
            at_s=round(steady - self._start, 3),
            temperature_c=firmware.temperature_c,
            clock_mhz=min(clocks) if clocks else None,
            governors=tuple(sorted({policy.governor for policy in policies if policy.governor is not None})),
            throttled=None if firmware.throttled is None else firmware.throttled | self._heard,
            undervoltage=firmware.undervoltage_alarm,
            swapped_out_bytes=_swapped_out(self._root),
            busy_core_s=_busy_core_s(self._root),
            own_core_s=round(times.user + times.system + times.children_user + times.children_system, 3),
            wall_offset_s=round(time.time() - steady, 3),
            suspended_s=_suspended_s(steady),
        )
        self.states.append(state)
        self._heard = 0
        return state

    def busy_processes(self) -> tuple[BusyProcess, ...]:
        """Other processes that took more than a tenth of a core since the monitor began, the busiest first."""
        return busy_since(self._root, self._ticks, seconds=time.monotonic() - self._start)


def _swapped_out(root: Path) -> int | None:
    for line in (text(root / "proc/vmstat") or "").splitlines():
        name, _, value = line.partition(" ")
        if name == "pswpout" and (pages := whole(value)) is not None:
            return pages * os.sysconf("SC_PAGE_SIZE")
    return None


def _busy_core_s(root: Path) -> float | None:
    words = (text(root / "proc/stat") or "").partition("\n")[0].split()
    if not words or words[0] != "cpu":
        return None
    ticks = [whole(word) or 0 for word in words[1:]]
    busy = sum(value for place, value in enumerate(ticks) if place not in (*_IDLE_FIELDS, *_GUEST_FIELDS))
    return round(busy / os.sysconf("SC_CLK_TCK"), 3)


def _suspended_s(steady: float) -> float:
    """Linux's monotonic clock stands still while the machine sleeps, the boot clock does not."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else round(time.clock_gettime(boot) - steady, 3)
