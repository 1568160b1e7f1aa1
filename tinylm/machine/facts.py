"""Everything the doctor knows of a machine. None, or an empty tuple, is what cannot be read there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class CoreType:
    """Cores of one kind; `implementer` and `part` as /proc/cpuinfo has them, such as `0x41` and `0xd03`."""

    name: str
    implementer: str | None
    part: str | None
    count: int


@dataclass(frozen=True, kw_only=True)
class ClockPolicy:
    """How the clock of some cores is chosen."""

    policy: str
    governor: str | None
    current_mhz: float | None
    allowed_mhz: float | None
    """The highest that the governor may choose now."""
    hardware_mhz: float | None
    """The highest that the hardware can do."""


@dataclass(frozen=True, kw_only=True)
class Processor:
    board: str
    """Model of the board; of the machine or its processor where there is no device tree."""
    arch: str
    """Of the kernel, as `uname -m` says."""
    cores: int
    core_types: tuple[CoreType, ...]
    isa: tuple[str, ...] | None
    """Flags that decide kernels; None where they cannot be read."""
    policies: tuple[ClockPolicy, ...]
    model: str | None = None
    """By which a budget knows the machine: the board's where the kernel tells it, else the processor's."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    total_mb: float | None
    available_mb: float | None
    swap_total_mb: float | None
    swap_free_mb: float | None
    zram_mb: float | None
    """Size of the swap that lies compressed in memory; None where there is none."""
    cgroup_memory: Literal["enabled", "disabled"] | None
    """Whether the kernel can limit the memory of a service."""
    cgroup_disabled_by: str | None
    """The boot option that disables it."""
    cgroup_limit_mb: float | None
    """The limit that this process is under."""
    address_limit_mb: float | None
    """RLIMIT_AS of this process."""

    @property
    def most_mb(self) -> float | None:
        """What this process may have at most."""
        return min((limit for limit in (self.total_mb, self.cgroup_limit_mb) if limit), default=None)


@dataclass(frozen=True, kw_only=True)
class ImportTrial:
    """What became of an import in a fresh process."""

    module: str
    version: str | None
    wanted: str
    """The oldest version that tinylm runs with."""
    outcome: Literal["ok", "missing", "error", "killed", "timeout", "not_tried"]
    detail: str
    """The error's last line, or the name of the signal."""
    ms: float | None
    rss_mb: float | None
    """By how much the process grew, with everything that the module loads."""


@dataclass(frozen=True, kw_only=True)
class NativeTrial:
    """What became of loading the native engine in a fresh process."""

    outcome: Literal["ok", "unavailable", "error", "killed", "timeout", "not_tried"]
    """`unavailable`: the library says itself why it cannot be used."""
    detail: str
    """The reason, the error's last line, or the name of the signal."""
    hint: str = ""
    """What the library says to do."""
    instruction_sets: tuple[str, ...] = ()
    """Those that it has here, the fastest first: that one runs."""
    ms: float | None = None
    rss_mb: float | None = None
    """By how much the process grew."""


@dataclass(frozen=True, kw_only=True)
class Software:
    system: str
    """Kernel and release."""
    distribution: str | None
    implementation: str
    """`CPython`, or another Python."""
    python: str
    pointer_bits: int
    """Of this Python: 32 on a 32-bit userland, whatever the kernel."""
    libc: str | None
    """Such as `glibc 2.36`."""
    trials: tuple[ImportTrial, ...]
    native: NativeTrial | None = None
    """None in what an older tinylm recorded."""


@dataclass(frozen=True, kw_only=True)
class Firmware:
    """What a Raspberry Pi's firmware says; None elsewhere."""

    throttled: int | None
    """The number of `vcgencmd get_throttled`."""
    problem: str | None
    """Why there is none."""
    arm_freq_mhz: int | None
    """The configured clock, of `vcgencmd get_config arm_freq`."""
    undervoltage_alarm: bool | None
    """Of the kernel's voltage sensor; works without `vcgencmd`."""
    temperature_c: float | None
    """The hottest zone that the kernel or the firmware reports."""
    fans: tuple[str, ...] | None = None
    """Fans that the kernel drives, such as `pwm-fan`; None where it does not tell."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The disk under `folder`, where a small file was written, synced, read and removed."""

    folder: str
    filesystem: str | None
    device: str | None
    sd_card: bool | None
    total_mb: float | None
    free_mb: float | None
    read_only: bool | None
    tested_mb: float
    write_mb_per_s: float | None
    """With fsync; None when it was not tested."""
    read_mb_per_s: float | None
    problem: str | None
    """Why it was not tested."""


@dataclass(frozen=True, kw_only=True)
class WallClock:
    now: str
    """UTC, ISO 8601."""
    installed: str | None
    """When this tinylm was built or installed here: the time cannot be earlier."""
    synchronised: bool | None
    """What the kernel says; no network is asked."""
    hardware_clock: bool | None
    """Whether there is a clock that runs while the power is off."""


@dataclass(frozen=True, kw_only=True)
class BusyProcess:
    pid: int
    name: str
    cores: float
    """Processor time it took, in cores, over the time watched."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    clock: WallClock
    load_average: float | None
    """Over the last minute."""
    busy: tuple[BusyProcess, ...]
    """Other processes that took more than a tenth of a core."""
    container: str | None
    """What says that this is a container."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    processor: Processor
    memory: Memory
    software: Software
    firmware: Firmware
    storage: Storage
    surroundings: Surroundings
