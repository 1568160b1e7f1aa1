"""The emulator's command line, as a pure function.

Two ways to run: **measuring**, with one processor whose clock is its instruction count (`-icount shift=0`: one
instruction takes 1 ns of guest time, so times repeat to 0.1 % however busy the host is), and **checking**, with the
board's cores and a free clock, which is faster and says nothing about time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinylm.virtual_pi.boards import Cpu

KERNEL, INITRD, DISK, RELEASE = "vmlinuz", "initrd.gz", "disk.ext4", "release"
"""Files of an image; the last one holds the number of its Debian release."""
OVERLAY, CONSOLE, LOG = "changes.qcow2", "console.log", "qemu.log"
"""Files of a machine: what it wrote to its disk, what it said, what the emulator said."""
NS_PER_INSTRUCTION = 1
"""Guest time with `-icount shift=0`: 2 to the power of 0."""

_KERNEL_OPTIONS = "console=ttyAMA0 quiet loglevel=3 panic=-1 random.trust_cpu=on systemd.show_status=0 mitigations=off"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a machine is started with."""

    cpu: Cpu
    cores: int
    memory_mib: int
    port: int
    """On 127.0.0.1, forwarded to the guest's ssh."""
    measure: bool
    """Count instructions: one core, a clock that repeats."""
    snapshot: bool
    """Changes to the disk are dropped at the end; otherwise they stay in the machine's folder."""


def qemu_command(*, program: str, settings: Settings, image: Path, folder: Path) -> list[str]:
    """The command that runs the image `image` with the state folder `folder`; nothing else of it is read later."""
    if settings.measure:
        clock = ["-accel", "tcg,thread=single", "-icount", "shift=0", "-smp", "1"]
    else:
        clock = ["-accel", "tcg,thread=multi", "-smp", str(settings.cores)]
    if settings.snapshot:
        disk = f"file={_option(image / DISK)},format=raw,snapshot=on"
    else:
        disk = f"file={_option(folder / OVERLAY)},format=qcow2"
    forward = f"hostfwd=tcp:127.0.0.1:{settings.port}-:22"
    return [
        program,
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"),
        *("-machine", "virt,gic-version=2", "-cpu", settings.cpu, "-m", f"{settings.memory_mib}M", *clock),
        *("-kernel", str(image / KERNEL), "-initrd", str(image / INITRD), "-append", _KERNEL_OPTIONS),
        # The clock of the guest, not of the host: it must not run away from the instructions.
        *("-rtc", "base=utc,clock=vm"),
        *("-drive", f"if=none,id=disk,{disk}", "-device", "virtio-blk-device,drive=disk"),
        *("-netdev", f"user,id=net,restrict=on,{forward}"),
        *("-device", "virtio-net-device,netdev=net", "-device", "virtio-rng-device"),
        *("-serial", f"file:{folder / CONSOLE}"),
    ]


def _option(path: Path) -> str:
    """A path inside a comma-separated option: qemu reads two commas as one."""
    return str(path).replace(",", ",,")
