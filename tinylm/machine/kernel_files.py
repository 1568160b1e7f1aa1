"""Small files of /proc and /sys, and /proc/cpuinfo among them: what cannot be read is `None`, never an exception.

A kernel file may be missing, unreadable, huge or nonsense. Every reader takes `root`, where `proc` and `sys` lie, so
that recorded trees can be read like a machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_MOST_BYTES = 1_000_000


def text(path: Path) -> str | None:
    """The file's text without its end; None where it does not exist, may not be read, or is empty."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    except OSError:
        return None
    return data.decode("utf-8", errors="replace").strip("\0\n ") or None  # device-tree strings end in NUL


def number(path: Path) -> int | None:
    """The file's whole number; None where it holds none."""
    return whole(text(path))


def whole(value: str | None) -> int | None:
    """The whole number; None for anything else, and for what no kernel writes."""
    try:
        found = None if value is None else int(value)
    except ValueError:
        return None
    return found if found is not None and abs(found) < 2**64 else None


def fields(content: str | None) -> dict[str, str]:
    """The `name: value` lines of a file; the first of a name counts."""
    found: dict[str, str] = {}
    for line in (content or "").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip(), value.strip())
    return found


def megabytes(kilobytes: str | None) -> float | None:
    """10^6 bytes of a value such as `426984 kB`, which means 1024 bytes each."""
    count = whole(kilobytes.split()[0]) if kilobytes and kilobytes.split() else None
    return None if count is None else round(count * 1024 / 1e6, 1)


def folders(path: Path, pattern: str) -> list[Path]:
    """Entries of a folder in a fixed order; none where it cannot be read."""
    try:
        return sorted(path.glob(pattern))
    except OSError:
        return []


@dataclass(frozen=True, kw_only=True)
class CpuInfo:
    """What the kernel says of the cores, and of the board on a Raspberry Pi; empty where it cannot be read."""

    first: dict[str, str]
    """The first value of every name, such as `model name` or `CPU part`."""
    cores: tuple[dict[str, str], ...]
    """The lines of each core, in order."""

    @property
    def flags(self) -> frozenset[str] | None:
        """The first core's features as Linux names them (`avx2`, `asimddp`); None where it does not tell."""
        found = self.first.get("flags") or self.first.get("Features")  # x86, ARM
        return None if found is None else frozenset(found.split())

    @property
    def board(self) -> str | None:
        """Only a Raspberry Pi's own kernel says it here."""
        return self.first.get("Model") or None

    @property
    def model_name(self) -> str | None:
        """Of the processor; on x86."""
        return self.first.get("model name") or None


def read_cpuinfo(root: Path = Path("/")) -> CpuInfo:
    """Read it; `root` is where `proc` lies."""
    content = text(root / "proc/cpuinfo") or ""
    blocks = map(fields, content.split("\n\n"))
    return CpuInfo(first=fields(content), cores=tuple(block for block in blocks if "processor" in block))
