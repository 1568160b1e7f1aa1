"""Signs of life of work that takes long: where it says nothing itself, and where it could say too much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 5.0
SELDOM_S = 2.0


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


def seldom(say: Callable[[str], None], *, every_s: float = SELDOM_S) -> Callable[[str], None]:
    """`say` for a loop to call at every turn: it is heard when so many seconds have passed since the last time."""
    told = time.monotonic()

    def tell(line: str) -> None:
        nonlocal told
        if time.monotonic() - told > every_s:
            say(line)
            told = time.monotonic()

    return tell
