"""Findings about memory, swap, limits, disk, time and neighbours. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tinylm.doctor.finding import Finding, not_readable, note, ok, problem, warning
from tinylm.doctor.software_rules import native_works
from tinylm.machine.facts import Facts, Memory, Storage, Surroundings, WallClock

_SERVING_MB, _SERVING_NATIVE_MB = 70.0, 30.0
"""What a process that serves the smallest models takes at its peak, measured on ARM and x86: 58 to 67 MB with ONNX
Runtime, 20 to 22 MB with the native engine."""
_LEAST_ADDRESS_MB = 1500.0
_FULL_SWAP = 0.1
_SMALL_BOARD_MB = 1100.0
_LITTLE_DISK_MB = 300.0
"""The base package takes about 200 MB with its libraries, and a release some MB."""
_SLOW_WRITE_MB_S = 4.0
_FIRST_YEAR, _LAST_YEAR = 2025, 2100


def system_findings(facts: Facts) -> Iterator[Finding]:
    serving_mb = _SERVING_NATIVE_MB if native_works(facts.software) else _SERVING_MB
    yield _memory(facts.memory, serving_mb)
    yield from _limits(facts.memory, serving_mb)
    yield _swap(facts.memory, facts.storage)
    yield _controller(facts.memory)
    yield from _disk(facts.storage)
    yield _time(facts.surroundings.clock)
    yield _load(facts.surroundings, facts.processor.cores)
    if facts.surroundings.container:
        yield note(
            "container",
            f"this is a container: {facts.surroundings.container}",
            why="memory, cores and clock may be the host's, not what this process gets",
        )


def _memory(memory: Memory, serving_mb: float) -> Finding:
    if memory.total_mb is None or memory.available_mb is None:
        return not_readable("memory", "memory is")
    what = f"{memory.available_mb:.0f} of {memory.total_mb:.0f} MB available"
    if memory.available_mb >= 2 * serving_mb:
        return ok("memory", what)
    return Finding(
        check="memory",
        level="problem" if memory.available_mb < serving_mb else "warning",
        what=what,
        why=f"serving a model takes about {serving_mb:.0f} MB; with less it swaps or is killed",
        what_to_do="stop what is not needed (`systemctl --type=service`), or use the Lite system without a desktop",
    )


def _limits(memory: Memory, serving_mb: float) -> Iterator[Finding]:
    if memory.address_limit_mb is not None and memory.address_limit_mb < _LEAST_ADDRESS_MB:
        yield warning(
            "address space",
            f"limited to {memory.address_limit_mb:.0f} MB (RLIMIT_AS)",
            why="libraries map much more than they use; loading a model may fail with memory left",
            what_to_do="ulimit -v unlimited, or limit resident memory instead: `MemoryMax=` of systemd",
        )
    if memory.cgroup_limit_mb is not None and memory.cgroup_limit_mb < (memory.total_mb or float("inf")):
        little = memory.cgroup_limit_mb < 2 * serving_mb
        yield Finding(
            check="memory limit",
            level="problem" if memory.cgroup_limit_mb < serving_mb else "warning" if little else "note",
            what=f"this process may use {memory.cgroup_limit_mb:.0f} MB (control group)",
            why=f"above it the process is killed; serving a model takes about {serving_mb:.0f} MB",
            what_to_do="raise `MemoryMax=` of the service, or the container's memory limit",
        )


def _swap(memory: Memory, storage: Storage) -> Finding:
    total, free = memory.swap_total_mb, memory.swap_free_mb
    if total is None or free is None:
        return not_readable("swap", "swap is")
    if total == 0:
        small = memory.total_mb is not None and memory.total_mb < _SMALL_BOARD_MB
        return Finding(
            check="swap",
            level="note" if small else "ok",
            what="none",
            why="a moment's shortage kills a process instead of slowing it down" if small else "",
            what_to_do="sudo apt install zram-tools" if small else "",
        )
    kind = "compressed, in memory (zram)" if memory.zram_mb is not None else "on disk"
    what = f"{total - free:.0f} of {total:.0f} MB used, {kind}"
    if free < _FULL_SWAP * total:
        return warning(
            "swap",
            what,
            why="the next shortage kills a process, and what is swapped out is missing from memory measured now",
            what_to_do="find what took the memory (`ps aux --sort=-rss | head`), stop it, then"
            " `sudo swapoff -a && sudo swapon -a`",
        )
    if memory.zram_mb is None and storage.sd_card:
        why = "swapping to an SD card takes seconds and wears it out"
        return note("swap", what, why=why, what_to_do="sudo apt install zram-tools")
    return ok("swap", what)


def _controller(memory: Memory) -> Finding:
    check = "memory cgroup"
    if memory.cgroup_memory is None:
        return not_readable(check, "the memory controller is")
    if memory.cgroup_memory == "enabled":
        return ok(check, "enabled: `MemoryMax=` of a service works")
    by = f" by `{memory.cgroup_disabled_by}`" if memory.cgroup_disabled_by else ""
    return warning(
        check,
        f"disabled{by}",
        why="`MemoryMax=` of a service does nothing, without a word: one process can take the whole board down",
        what_to_do="add `cgroup_enable=memory` to the end of the one line in /boot/firmware/cmdline.txt"
        " (/boot/cmdline.txt before Debian 12), then restart",
    )


def _disk(storage: Storage) -> Iterator[Finding]:
    where = f"{storage.folder}"
    kind = {True: "SD card", False: "no SD card", None: "unknown disk"}[storage.sd_card]
    if storage.read_only:
        yield problem(
            "disk",
            f"{where} is mounted read-only ({kind})",
            why="nothing can be installed or deployed; a failing card is mounted like this too",
            what_to_do="sudo dmesg | grep -iE 'mmc|ext4|i/o error'; if it is not on purpose, replace the card",
        )
        return
    if storage.free_mb is None:
        yield not_readable("disk", f"free space of {where} is")
    elif storage.free_mb < _LITTLE_DISK_MB:
        yield warning(
            "disk",
            f"{storage.free_mb:.0f} MB free in {where} ({kind})",
            why="the base package takes about 200 MB, and a deployment keeps the releases before it",
            what_to_do="sudo apt clean; du -xh / 2>/dev/null | sort -h | tail",
        )
    else:
        yield ok("disk", f"{storage.free_mb:.0f} MB free in {where} ({kind})")
    if storage.write_mb_per_s is None or storage.read_mb_per_s is None:
        yield note("disk speed", f"not tested: {storage.problem or 'unknown'}")
        return
    what = f"{storage.write_mb_per_s:.1f} MB/s written and synced, {storage.read_mb_per_s:.0f} MB/s read"
    if storage.write_mb_per_s < _SLOW_WRITE_MB_S:
        yield warning(
            "disk speed",
            what,
            why="starts and deployments take minutes; a card that was faster once is about to fail",
            what_to_do="try again when nothing else writes; else use a card of class A1 or better, or a USB disk",
        )
    else:
        yield ok("disk speed", what)


def _time(clock: WallClock) -> Finding:
    now = _parsed(clock.now)
    if now is None:
        return not_readable("time", "the time is")
    installed = _parsed(clock.installed)
    shown = now.strftime("%Y-%m-%d %H:%M UTC")
    # A day's grace: files may come from a machine in another time zone with a badly set clock.
    early = installed is not None and installed.year >= _FIRST_YEAR and now < installed - timedelta(days=1)
    if early or not _FIRST_YEAR <= now.year <= _LAST_YEAR:
        return warning(
            "time",
            f"{shown} cannot be" + (f": tinylm was installed on {installed:%Y-%m-%d}" if early and installed else ""),
            why="certificates look invalid (pip and https fail), and logs and releases get impossible dates",
            what_to_do="sudo timedatectl set-ntp true; without a network: sudo date -s 'YYYY-MM-DD HH:MM'",
        )
    if clock.synchronised is False:
        rtc = "" if clock.hardware_clock else "; without a hardware clock the time is lost with the power"
        return note("time", f"{shown}, plausible, not synchronised{rtc}", what_to_do="sudo timedatectl set-ntp true")
    state = "synchronised" if clock.synchronised else "plausible"
    return ok("time", f"{shown}, {state}")


def _parsed(value: str | None) -> datetime | None:
    try:
        time = None if value is None else datetime.fromisoformat(value)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _load(surroundings: Surroundings, cores: int) -> Finding:
    load, taken = surroundings.load_average, sum(process.cores for process in surroundings.busy)
    if load is None and not surroundings.busy:
        return not_readable("load", "load is")
    names = ", ".join(f"`{process.name}` ({process.cores:.1f} cores)" for process in surroundings.busy)
    average = "" if load is None else f"load average {load:.2f} on {cores} cores"
    what = "; ".join(part for part in (average, names and f"busy now: {names}") if part)
    if taken < 0.5 and (load is None or load < 0.7 * cores):
        return ok("load", what)
    return warning(
        "load",
        what,
        why="other work takes the processor: times measured now are void, and users wait",
        what_to_do="wait until it is done, or stop it; `top` shows it",
    )
