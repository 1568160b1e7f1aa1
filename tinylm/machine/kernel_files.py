"""Small files of /proc and /sys, read so that nothing there can stop the doctor.

A kernel file may be missing, unreadable, huge or nonsense; all of these are `None`. Every reader takes `root`, where
`proc` and `sys` lie, so that recorded trees can be read like a machine.
"""

from __future__ import annotations

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
