"""How far the building of a corpus is, in lines for people."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

SECONDS_BETWEEN = 10.0


class Meter:
    """Says every `SECONDS_BETWEEN` how much of `total_bytes` was read, how fast, and how long it will take."""

    def __init__(self, total_bytes: int, say: Callable[[str], None] | None) -> None:
        self._total, self._say = total_bytes, say
        self._done = 0
        self._started = self._last = time.monotonic()

    def say(self, line: str) -> None:
        """A line about something else."""
        if self._say is not None:
            self._say(line)

    def at(self, stored_bytes: int) -> None:
        """So many bytes of the current source are read."""
        if not stored_bytes or not self._due():
            return
        done = self._done + stored_bytes
        rate = done / (time.monotonic() - self._started)
        left = max(0, self._total - done) / rate
        self.say(
            f"  {done / 1e6:,.0f} of {self._total / 1e6:,.0f} MB read, {rate / 1e6:.1f} MB/s, about {left:,.0f} s left"
        )

    def counted(self, what: str, results: Iterable[T], total: int) -> Iterator[T]:
        """The results, and how many of `total` have come."""
        for number, result in enumerate(results, start=1):
            yield result
            if self._due():
                self.say(f"  {what}: {number:,} of {total:,} parts")

    def source_done(self, stored_bytes: int) -> None:
        """The current source is read; it had so many bytes."""
        self._done += stored_bytes

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN:
            return False
        self._last = now
        return True
