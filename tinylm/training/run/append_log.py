"""A text file that a run only appends to, and that a resumed run cuts back to what its checkpoint knew.

A checkpoint records how many bytes the file had. So a killed run's later lines go, a rolled-back run's too, and what is
written twice never stands twice.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tinylm.base.errors import TinylmError


class AppendLog:
    """Opens `path` and cuts it to `size` bytes; None keeps all."""

    def __init__(self, path: Path, *, size: int | None) -> None:
        self._path = path
        try:
            self._file = path.open("ab", buffering=0)  # a write is a line: what is killed has logged what it did
            if size is not None:
                self._truncate(size)
        except OSError as error:
            raise self._failed(error) from error

    def write(self, text: str) -> None:
        """Append whole lines; TinylmError when the disk is full."""
        try:
            self._file.write(text.encode())
        except OSError as error:
            raise self._failed(error) from error

    def sync(self) -> int:
        """Bring all to the disk, so that a checkpoint can rely on it; the size in bytes."""
        try:
            os.fsync(self._file.fileno())
            return self._path.stat().st_size
        except OSError as error:
            raise self._failed(error) from error

    def read_from(self, size: int) -> str:
        """What was appended after the first `size` bytes."""
        with self._path.open("rb") as file:
            file.seek(size)
            return file.read().decode(errors="replace")

    def cut(self, size: int) -> None:
        """Drop everything after the first `size` bytes."""
        try:
            self._truncate(size)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the same failure again: `write` has told it
            self._file.close()

    def _truncate(self, size: int) -> None:
        if self._path.stat().st_size > size:
            os.truncate(self._path, size)

    def _failed(self, error: OSError) -> TinylmError:
        return TinylmError(
            f"cannot write `{self._path}`: {error.strerror}", "free some disk space, then run again to continue"
        )
