"""Bytes on disk, and locks that say what is in use. Links are never followed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; a link counts as itself, what has just gone as nothing."""
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118, one Path a file is slow
            except FileNotFoundError:
                continue
    return total if path.is_dir() and not path.is_symlink() else path.lstat().st_size


def folders_in(parent: Path) -> list[Path]:
    """The real folders in `parent`, by name, hidden ones left out; none where there is no such folder."""
    if parent.is_symlink() or not parent.is_dir():
        return []
    found = (entry for entry in parent.iterdir() if not entry.name.startswith("."))
    return sorted(entry for entry in found if entry.is_dir() and not entry.is_symlink())


@contextmanager
def held(lock: Path) -> Iterator[bool]:
    """Hold the lock file `lock` while the block runs; yields False where it is held already. No lock file is made."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def in_use(lock: Path) -> bool:
    with held(lock) as free:
        return not free
