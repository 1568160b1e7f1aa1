"""The boards that the emulator imitates, as far as it can: the processor's instructions, cores and memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.base.records import nearest

Cpu = Literal["cortex-a53", "cortex-a72", "cortex-a76"]


@dataclass(frozen=True, kw_only=True)
class Board:
    """What of a board decides which code runs and whether it fits."""

    name: str
    """As its budget is called."""
    description: str
    cpu: Cpu
    cores: int
    memory_mib: int
    """Of the machine; the kernel keeps about 25 MiB of it (measured), the rest is what `free` shows."""


BOARDS = {
    board.name: board
    for board in (
        # 512 MiB less the graphics processor's share: the system sees about 430 MB.
        Board(name="pi-zero-2w", description="Raspberry Pi Zero 2 W", cpu="cortex-a53", cores=4, memory_mib=448),
        Board(name="pi-3", description="Raspberry Pi 3", cpu="cortex-a53", cores=4, memory_mib=948),
        # The smallest of each: what fits there fits on the larger ones.
        Board(name="pi-4", description="Raspberry Pi 4, 1 GB", cpu="cortex-a72", cores=4, memory_mib=948),
        Board(name="pi-5", description="Raspberry Pi 5, 2 GB", cpu="cortex-a76", cores=4, memory_mib=2048),
    )
}
CPUS: tuple[Cpu, ...] = ("cortex-a53", "cortex-a72", "cortex-a76")


def find_board(name: str) -> Board:
    """The board of that name; TinylmError names the nearest one."""
    if name not in BOARDS:
        raise TinylmError(f"no virtual board `{name}`", nearest(name, BOARDS))
    return BOARDS[name]


def find_cpu(name: str) -> Cpu:
    """The processor of that name; TinylmError names the nearest one."""
    for cpu in CPUS:
        if cpu == name:
            return cpu
    raise TinylmError(f"no virtual processor `{name}`", nearest(name, CPUS))
