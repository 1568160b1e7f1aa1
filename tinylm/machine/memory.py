"""Memory, swap, and what may limit a process's memory, from /proc and /sys."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tinylm.machine.facts import Memory
from tinylm.machine.kernel_files import fields, folders, megabytes, number, text, whole

_DISABLING = "cgroup_disable=memory"


def read_memory(root: Path) -> Memory:
    """Read what `root` tells, and this process's own limits."""
    meminfo = fields(text(root / "proc/meminfo"))
    disabled_by = _DISABLING if _DISABLING in (text(root / "proc/cmdline") or "").split() else None
    zram = [size for device in folders(root / "sys/block", "zram*") if (size := number(device / "disksize"))]
    swaps = text(root / "proc/swaps") or ""
    return Memory(
        total_mb=total_mb(root),
        available_mb=megabytes(meminfo.get("MemAvailable")),
        swap_total_mb=megabytes(meminfo.get("SwapTotal")),
        swap_free_mb=megabytes(meminfo.get("SwapFree")),
        zram_mb=round(sum(zram) / 1e6, 1) if zram and "zram" in swaps else None,
        cgroup_memory=_controller(root),
        cgroup_disabled_by=disabled_by,
        cgroup_limit_mb=_cgroup_limit(root),
        address_limit_mb=_address_limit(),
    )


def total_mb(root: Path) -> float | None:
    """What the kernel manages (MemTotal), in 10^6 bytes."""
    return megabytes(fields(text(root / "proc/meminfo")).get("MemTotal"))


def control_groups(root: Path) -> dict[str, str]:
    """Folder of this process's group for each controller, such as `system.slice/x.service`; version 2, which has one
    group for all, stands under `""`. Empty is the topmost; a container may be told of ones above, which it cannot see.
    """
    found: dict[str, str] = {}
    for line in (text(root / "proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        for controller in controllers.split(",") if colon else ():
            found.setdefault(controller, "/".join(part for part in path.split("/") if part not in ("", "..")))
    return found


def _controller(root: Path) -> Literal["enabled", "disabled"] | None:
    """Whether the kernel's memory controller is on: version 2 lists it, /proc/cgroups says `enabled` in column 4."""
    listed = text(root / "sys/fs/cgroup/cgroup.controllers")
    if listed is not None and "memory" in listed.split():
        return "enabled"
    for line in (text(root / "proc/cgroups") or "").splitlines():
        words = line.split()
        if len(words) == 4 and words[0] == "memory":
            return "enabled" if words[3] == "1" else "disabled"
    return None if listed is None else "disabled"


def _cgroup_limit(root: Path) -> float | None:
    """The lowest memory limit from this process's group upwards."""
    limits = []
    groups = control_groups(root)
    for controller, folder, name in (("", "", "memory.max"), ("memory", "memory", "memory.limit_in_bytes")):
        if controller not in groups:
            continue
        top = root / "sys/fs/cgroup" / folder
        parts = Path(groups[controller]).parts
        for depth in range(len(parts) + 1):
            limit = whole(text(top.joinpath(*parts[:depth], name)))
            if limit is not None and limit < 2**60:  # version 1 writes about 2^63 for no limit, version 2 `max`
                limits.append(limit)
    return round(min(limits) / 1e6, 1) if limits else None


def _address_limit() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if soft == resource.RLIM_INFINITY else round(soft / 1e6, 1)
