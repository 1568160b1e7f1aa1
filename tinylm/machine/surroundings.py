"""What time it is, who else uses the processor, and whether this is a container."""

from __future__ import annotations

import ctypes
import math
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from tinylm.machine.facts import BusyProcess, Surroundings, WallClock
from tinylm.machine.kernel_files import folders, text

_WATCH_S = 0.5
_LEAST_CORES = 0.1
_MOST_PROCESSES = 5
_TIME_ERROR = 5  # of adjtimex(2): the clock is not synchronised


def read_surroundings(root: Path, *, watch_s: float = _WATCH_S) -> Surroundings:
    """Look around for `watch_s` seconds."""
    return Surroundings(
        clock=read_clock(root),
        load_average=_load(root),
        busy=busy_processes(root, watch_s),
        container=_container(root),
    )


def read_clock(root: Path) -> WallClock:
    """What time it is here, and whether a time service keeps it right."""
    return WallClock(
        now=datetime.now(UTC).isoformat(timespec="seconds"),
        installed=_installed(),
        synchronised=_synchronised(),
        hardware_clock=bool(folders(root / "sys/class/rtc", "rtc*")) if (root / "sys/class").is_dir() else None,
    )


def _installed() -> str | None:
    """When this very file was written: by the build, or by the installation."""
    try:
        written = Path(__file__).stat().st_mtime
        return datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds")
    except (OSError, ValueError, OverflowError):
        return None


def _synchronised() -> bool | None:
    """The kernel's own word, which every time service keeps up to date; reading it needs no rights and no network."""
    buffer = ctypes.create_string_buffer(1024)  # struct timex with modes 0: read only; it has about 200 bytes
    try:
        state = int(ctypes.CDLL(None, use_errno=True).adjtimex(buffer))
    except (AttributeError, OSError, TypeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _load(root: Path) -> float | None:
    words = (text(root / "proc/loadavg") or "").split()
    try:
        load = float(words[0])
    except (IndexError, ValueError):
        return None
    return load if math.isfinite(load) and load >= 0 else None


def busy_processes(root: Path, watch_s: float) -> tuple[BusyProcess, ...]:
    """Processes other than this one that took more than a tenth of a core while watched, the busiest first."""
    before, start = processor_ticks(root), time.perf_counter()
    if watch_s <= 0:
        return ()
    time.sleep(watch_s)
    return busy_since(root, before, seconds=time.perf_counter() - start)


def busy_since(root: Path, before: dict[int, tuple[str, int]], *, seconds: float) -> tuple[BusyProcess, ...]:
    """The same since `processor_ticks` gave `before`, `seconds` ago."""
    if not before or seconds <= 0:
        return ()
    ticks_per_s = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    found = []
    for pid, (name, ticks) in processor_ticks(root).items():
        cores = (ticks - before.get(pid, (name, 0))[1]) / ticks_per_s / seconds
        if pid != os.getpid() and cores > _LEAST_CORES:
            found.append(BusyProcess(pid=pid, name=name, cores=round(cores, 2)))
    return tuple(sorted(found, key=lambda process: -process.cores)[:_MOST_PROCESSES])


def processor_ticks(root: Path) -> dict[int, tuple[str, int]]:
    """Name and processor time, in ticks, of every process."""
    found = {}
    for folder in folders(root / "proc", "[0-9]*"):
        head, _, tail = (text(folder / "stat") or "").rpartition(")")
        words = tail.split()
        if folder.name.isdigit() and len(words) > 12 and words[11].isdigit() and words[12].isdigit():
            # After the name, which may hold anything: fields 14 and 15, user and system time (man 5 proc).
            found[int(folder.name)] = (head.partition("(")[2], int(words[11]) + int(words[12]))
    return found


def _container(root: Path) -> str | None:
    for path in (".dockerenv", "run/.containerenv"):
        if (root / path).exists():
            return f"/{path} exists"
    name = text(root / "run/systemd/container")
    return f"systemd says {name}" if name else None
