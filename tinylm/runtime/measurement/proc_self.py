"""What the kernel says of this very process, or of another of this user's; nothing is imported, because what measures
memory must not take any.

`process` is the number of another process. Every function gives None, or nothing, where there is no Linux /proc.
"""

from __future__ import annotations


def kilobyte_fields(path: str) -> dict[str, int]:
    """The `Name:  123 kB` lines of a /proc file, in bytes; empty where it cannot be read."""
    found = {}
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would take memory
            for line in file:
                words = line.split()
                if len(words) == 3 and words[2] == b"kB":
                    found[words[0].rstrip(b":").decode("ascii", "replace")] = int(words[1]) * 1024
    except OSError:
        return {}
    return found


def resident_bytes() -> int | None:
    """Resident memory of this process."""
    return kilobyte_fields("/proc/self/status").get("VmRSS")


def anonymous_bytes(process: int | str = "self") -> int | None:
    """Resident memory that belongs to no file, such as the heap; counted page by page where the kernel can.

    The counters of /proc/self/status are kept per core and may be off by some hundred kilobytes.
    """
    exact = kilobyte_fields(f"/proc/{process}/smaps_rollup").get("Anonymous")
    return kilobyte_fields(f"/proc/{process}/status").get("RssAnon") if exact is None else exact


def mapped_file_bytes(process: int | str = "self") -> dict[str, int]:
    """Resident bytes of every mapped file, such as a library's code, without pages that the process has changed.

    Shared memory that is no file counts as `shared memory`.
    """
    found: dict[str, int] = {}
    name, resident = "", 0
    try:
        with open(f"/proc/{process}/smaps", "rb") as file:  # noqa: PTH123 - read line by line: it can have 100 KB
            for line in file:
                words = line.split(maxsplit=5)
                if len(words) >= 5 and b"-" in words[0] and not words[0].endswith(b":"):
                    name = words[5].strip().decode("utf-8", "replace") if len(words) == 6 else ""
                elif line.startswith(b"Rss:"):
                    resident = int(words[1]) * 1024
                elif line.startswith(b"Anonymous:") and resident > int(words[1]) * 1024:
                    key = name if name.startswith("/") else "shared memory"
                    found[key] = found.get(key, 0) + resident - int(words[1]) * 1024
    except OSError:
        return {}
    return found


def waited_ns(schedstat: str = "/proc/thread-self/schedstat") -> int | None:
    """How long a thread, this one by default, was ready to run so far and had no core, because others had it; None
    where the kernel was built without scheduling statistics."""
    try:
        with open(schedstat, "rb") as file:  # noqa: PTH123 - as above
            words = file.read().split()
    except OSError:
        return None
    # Time on a core, time waiting for one, turns (Documentation/scheduler/sched-stats); all 0 where it is off.
    return int(words[1]) if len(words) == 3 and words[2] != b"0" else None


def since_start_ms() -> float | None:
    """Time since the kernel started this process, to one tick (10 ms)."""
    import os
    import time

    try:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 - as above
            stat = file.read()
    except OSError:
        return None
    # The name in field 2 may hold spaces and brackets; field 22 is the start, in ticks since boot (man 5 proc).
    ticks = int(stat.rpartition(b")")[2].split()[19])
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) * 1e3 - ticks * 1e3 / os.sysconf("SC_CLK_TCK"), 3)
