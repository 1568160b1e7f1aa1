"""Writing files so that nobody ever sees half of one: temporary name, fsync, rename; and hashing them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tinylm.errors import TinylmError


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`, or leave what was there: TinylmError when the disk is full or the folder is not ours."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise TinylmError(f"cannot write `{path}`: {error.strerror}", "check the folder and the disk space") from error
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
