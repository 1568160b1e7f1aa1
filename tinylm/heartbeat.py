"""A sign of life while something works for minutes and says nothing: a measuring process, or native code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 5.0


@contextmanager
def heartbeat(announce: Callable[[str], None], what: str, *, every_s: float = EVERY_S) -> Iterator[None]:
    """For as long as the block runs, say every so many seconds how long `what` has taken."""
    start, over = time.monotonic(), threading.Event()

    def beat() -> None:
        while not over.wait(every_s):
            announce(f"  {what}: {time.monotonic() - start:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
