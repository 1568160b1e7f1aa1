"""Writing files so that nobody ever sees half of one: temporary name, fsync, rename; and hashing them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tinylm.base.errors import TinylmError

# Python's own SHA-256. `hashlib` prefers OpenSSL's and loads it for that: 3.8 MB of a device's memory (measured).
try:
    from _sha2 import sha256 as _sha256  # type: ignore[import-not-found, unused-ignore]  # Python 3.12 on
except ImportError:
    try:
        from _sha256 import sha256 as _sha256  # type: ignore[import-not-found, unused-ignore]  # Python 3.11
    except ImportError:  # another Python, or one that was built without it
        from hashlib import sha256 as _sha256

_BLOCK_BYTES = 65536


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path`, or leave what was there: TinylmError when the disk is full or the folder is not ours."""
    with writing(path) as file:
        file.write(data)


def copy_atomic(source: Path, path: Path) -> None:
    """Copy a file of any size to `path`; TinylmError as for `write_atomic`, and when `source` cannot be read."""
    try:
        file = source.open("rb")
    except OSError as error:
        raise TinylmError(f"cannot read `{source}`: {error.strerror}", "remove its folder and run again") from error
    with file, writing(path) as copy:
        while block := file.read(_BLOCK_BYTES):
            copy.write(block)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file to fill bit by bit: it becomes `path` when the block ends, and leaves what was there when it fails.

    TinylmError when the disk is full or the folder is not ours. What the block itself raises passes through; only an
    OSError is taken to be about this file.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise TinylmError(f"cannot write `{path}`: {error.strerror}", "check the folder and the disk space") from error
    finally:  # after Ctrl-C too; the folder itself may be what is wrong
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
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
    digest, block = _sha256(), bytearray(_BLOCK_BYTES)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(memoryview(block)[:count])
    return str(digest.hexdigest())


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256 of `data`."""
    return str(_sha256(data).hexdigest())
