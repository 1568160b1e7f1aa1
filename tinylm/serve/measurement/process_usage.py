"""What another process of this user has used so far, as the kernel tells it: 0 or None where it does not."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from tinylm.machine.kernel_files import text, whole
from tinylm.runtime.measurement.proc_self import waited_ns

_MAJOR_FAULTS = 9
"""Place in /proc/PID/stat of the pages that were read from storage, after the name (man 5 proc)."""


@dataclass(frozen=True)
class Usage:
    """All threads together."""

    involuntary_switches: int
    """How often another process took the core."""
    major_faults: int
    waited_ns: int | None
    """How long threads were ready to run and others had the core; None where nobody counts."""


def usage(process: int) -> Usage:
    """What a process and its threads have used."""
    tasks = [Path(task) for task in _tasks(process)]
    waits = [waited_ns(f"{task}/schedstat") for task in tasks]
    known = [wait for wait in waits if wait is not None]  # a thread that has never run has waited for nothing
    stat = (text(Path(f"/proc/{process}/stat")) or "").rpartition(")")[2].split()
    return Usage(
        involuntary_switches=sum(_field(task / "status", "nonvoluntary_ctxt_switches") for task in tasks),
        major_faults=(whole(stat[_MAJOR_FAULTS]) or 0) if len(stat) > _MAJOR_FAULTS else 0,
        waited_ns=sum(known) if known else None,
    )


def storage_read_bytes(process: int) -> int:
    """What a process has read from storage, because no cache had it."""
    return _field(Path(f"/proc/{process}/io"), "read_bytes")


def cpu_clock(process: int) -> int | None:
    """The clock of a process's processor time, for `time.clock_gettime`; None where there is none."""
    clock = ctypes.c_int()
    try:
        failed = ctypes.CDLL(None).clock_getcpuclockid(process, ctypes.byref(clock))
    except AttributeError:  # not in this system's library
        return None
    return None if failed else clock.value


def _tasks(process: int) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(f"/proc/{process}/task")]
    except OSError:
        return []


def _field(file: Path, name: str) -> int:
    for line in (text(file) or "").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return whole(value.strip()) or 0
    return 0
