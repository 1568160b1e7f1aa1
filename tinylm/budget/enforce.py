"""The probe under the kernel's own limit: memory that is not there cannot be used, and the probe must live with that.

A measured peak says what was used on a machine with plenty. Here the kernel allows the budget and no more, in the way
that this machine offers: a control group (which counts resident memory, and the files that it reads as long as they are
not reclaimed), or, where none can be made, the limit of the address space (which counts more than is ever resident, so
surviving proves at least as much, and dying proves nothing).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.budget.judge.verdict import Finding, LimitResult, not_measured, result_of
from tinylm.budget.measure.probes import ProbeFailed, ProbeRunner
from tinylm.budget.spec.device import Basis
from tinylm.machine.kernel_files import text, whole
from tinylm.machine.memory import control_groups
from tinylm.runtime.measurement.protocol import ProbeResult

# `$1` is the file that a process writes its number into to join the group.
_JOIN = 'echo $$ > "$1" && shift && exec "$@"'
_ADDRESS = 'ulimit -v "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class _MemoryLimit:
    """A way to start a process under a limit."""

    by: str
    before: tuple[str, ...]
    counts_resident: bool
    peak: Callable[[], int | None]
    """What the kernel counted at most, in bytes, when it tells."""


def enforce(probes: ProbeRunner, *, basis: Basis, announce: Callable[[str], None]) -> LimitResult:
    """Do one process's share of the requests under the budget's memory limit, and say whether it survived."""
    limit_mb, confidence = probes.budget.limits.peak_rss_mb, probes.budget.confidence
    orders = probes.orders(requests=-(-confidence.looks[0] // confidence.processes))
    with _memory_limit(round(limit_mb * 1e6)) as enforced:
        announce(f"{orders.requests} requests under {enforced.by} at {limit_mb:g} MB")
        try:
            result = probes.run(orders, under=enforced.before)
        except ProbeFailed as failure:
            finding = _died(failure, enforced)
        except TinylmError as refusal:  # it served before: now it lacks memory, and says so in its own words
            finding = _died(ProbeFailed(refusal.message), enforced)
        else:
            finding = _survived(result, enforced, limit_mb, orders.requests)
    return result_of("enforced_mb", limit_mb, "MB", basis, finding)


def _survived(result: ProbeResult, enforced: _MemoryLimit, limit_mb: float, requests: int) -> Finding:
    """A pass, unless the process lived on what the kernel did not count: swap, or pages that others pay for."""
    memory = result.memory
    measured = None if memory is None else memory.peak_rss_bytes / 1e6
    evidence = f"{requests} requests survived under {enforced.by} at {limit_mb:g} MB"
    if (counted := enforced.peak()) is not None:
        evidence += f", which counted {counted / 1e6:.1f} MB at most"
    if measured is not None and measured > limit_mb:
        evidence += "; it had more resident than that: files that are in memory already count for others"
        return Finding(measured=measured, verdict="undecided", evidence=evidence)
    if memory is not None and memory.swap_bytes:
        evidence += f"; but {memory.swap_bytes / 1e6:.1f} MB of it were in swap"
        return Finding(measured=measured, verdict="undecided", evidence=evidence)
    return Finding(measured=measured, verdict="pass", evidence=evidence)


def _died(failure: ProbeFailed, enforced: _MemoryLimit) -> Finding:
    """The kernel kills what needs more than its group may have; any other end says nothing of memory."""
    if enforced.counts_resident:
        if failure.signal == signal.SIGKILL:
            return Finding(measured=None, verdict="fail", evidence=f"under {enforced.by}: {failure}")
        return not_measured(f"under {enforced.by}: {failure}")
    return not_measured(
        f"under {enforced.by}: {failure}; it counts address space, which is more than is ever resident, so this proves"
        " nothing. Run it where a control group can be made: as root, or with systemd"
    )


@contextmanager
def _memory_limit(limit_bytes: int) -> Iterator[_MemoryLimit]:
    """The strictest limit of resident memory that can be had here."""
    for folder, files in _group_places():
        _remove_leftovers(folder)
        group = folder / f"tinylm-{os.getpid()}-{time.monotonic_ns()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if _limit(group, files, limit_bytes):
                yield _MemoryLimit(
                    by=f"a control group ({files[0]})",
                    before=("/bin/sh", "-c", _JOIN, "sh", str(group / "cgroup.procs")),
                    counts_resident=True,
                    peak=partial(_peak, group / files[-1]),
                )
                return
        finally:
            _remove(group)
    if systemd := _systemd(limit_bytes):
        yield _MemoryLimit("a systemd scope (MemoryMax)", systemd, True, lambda: None)
        return
    kilobytes = str(limit_bytes // 1024)
    before = ("/bin/sh", "-c", _ADDRESS, "sh", kilobytes)
    yield _MemoryLimit("a limit of address space (ulimit -v)", before, False, lambda: None)


def _remove(group: Path) -> None:
    """Remove a group whose processes have ended; the kernel may take a moment to let go of the last one."""
    for _ in range(20):
        try:
            return group.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY:
                return
        time.sleep(0.05)


def _remove_leftovers(folder: Path) -> None:
    """Remove the groups of checks that were killed before they could; one that still has a process stays."""
    for group in folder.glob("tinylm-*-*"):
        if not Path("/proc", group.name.split("-")[1]).exists():
            with contextlib.suppress(OSError):
                group.rmdir()


def _peak(file: Path) -> int | None:
    return whole(text(file))


def _group_places() -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Folders where a group might be made, and the files that limit memory, and last the one that tells the peak."""
    top = Path("/sys/fs/cgroup")
    own = control_groups(Path("/"))
    version2 = ("memory.max", "memory.swap.max", "memory.peak")
    for folder in (top / own.get("", ""), top):
        yield folder, version2
    version1 = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes")
    for folder in (top / "memory" / own.get("memory", ""), top / "memory"):
        yield folder, version1


def _limit(group: Path, files: Sequence[str], limit_bytes: int) -> bool:
    """Set the limit, and none of it in swap where that can be said; False where the kernel has no such controller."""
    memory, swap, _ = files
    if not (group / memory).exists():
        return False
    try:
        (group / memory).write_text(str(limit_bytes), encoding="ascii")
    except OSError:
        return False
    # Version 1 counts memory and swap together, version 2 swap alone; without swap accounting neither file is there.
    with contextlib.suppress(OSError):
        if (group / swap).exists():
            (group / swap).write_text(str(limit_bytes if "memsw" in swap else 0), encoding="ascii")
    return True


def _systemd(limit_bytes: int) -> tuple[str, ...] | None:
    """`systemd-run` of the user's own manager, when it is there and may limit memory."""
    program = shutil.which("systemd-run")
    if program is None or "XDG_RUNTIME_DIR" not in os.environ:
        return None
    runtime = Path(os.environ["XDG_RUNTIME_DIR"], "systemd/private")
    controllers = Path(f"/sys/fs/cgroup/user.slice/user-{os.getuid()}.slice/user@{os.getuid()}.service")
    if not runtime.exists() or "memory" not in (text(controllers / "cgroup.controllers") or "").split():
        return None
    limits = (f"--property=MemoryMax={limit_bytes}", "--property=MemorySwapMax=0")
    # The probe's environment is a clean one; systemd needs to know where the user's manager listens.
    names = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    told = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    without = [word for name in names for word in ("-u", name)]
    return ("env", *told, program, "--user", "--scope", "--quiet", "--collect", *limits, "--", "env", *without)
