"""Where images and machines lie, and the lock that keeps two builders apart.

FOLDER/requests/HASH.json  what a request was resolved to, and when
FOLDER/images/HASH/        one image: kernel, initrd, disk, keys
FOLDER/machines/NAME/      one machine: its state, its changes to the disk, its console
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tinylm.base.cache_folder import cache_folder
from tinylm.base.errors import TinylmError


def default_folder() -> Path:
    """`tinylm/virtual-pi` under the user's cache folder (`XDG_CACHE_HOME`)."""
    return cache_folder("virtual-pi")


@contextlib.contextmanager
def locked(file: Path, *, announce: Callable[[str], None], waiting: str) -> Iterator[None]:
    """Hold the lock `file`; the kernel frees it when the process ends, however it ends. `waiting` is announced once."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Not inherited by the emulator, which would hold the lock as long as it runs.
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TinylmError(
            f"cannot write `{file}`: {error.strerror}", "name another folder with --folder", exit_code=3
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce(waiting)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
