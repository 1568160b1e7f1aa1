"""For which processor a program is: the first bytes of an ELF file (https://refspecs.linuxfoundation.org/elf)."""

from __future__ import annotations

import os
from pathlib import Path

from tinylm.emulation.processors import Family

_MACHINES: dict[tuple[int, int], Family] = {
    (2, 62): "x86_64",
    (2, 183): "aarch64",
    (1, 40): "arm",
    (2, 243): "riscv64",
}
"""By word size (1: 32 bits, 2: 64 bits) and machine number."""
_EXECUTABLE = (2, 3)
"""File types: at a fixed address, or at any (which a shared library is too)."""


def family_of(file: Path) -> Family | None:
    """The family of processors that a program file is for; None for any other file, or a processor not known here."""
    try:
        with file.open("rb") as opened:
            head = opened.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF" or head[5] != 1:
        return None
    if int.from_bytes(head[16:18], "little") not in _EXECUTABLE:
        return None
    return _MACHINES.get((head[4], int.from_bytes(head[18:20], "little")))


def family_for(arch: str) -> Family | None:
    """The family of programs that run where `uname -m` says `arch`; None where none of those that are known do."""
    families: dict[str, Family] = {
        "x86_64": "x86_64",
        "amd64": "x86_64",
        "aarch64": "aarch64",
        "armv6l": "arm",
        "armv7l": "arm",
        "riscv64": "riscv64",
    }
    return families.get(arch.lower())


def family_here() -> Family | None:
    """The same for this machine."""
    return family_for(os.uname().machine) if hasattr(os, "uname") else None
