"""Being told to end: by `kill`, a service manager, a lost connection or a terminal that closes.

with ended_by_signals():
    ...                      # `finally` and `with` clean up, as after Ctrl-C
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

_PR_SET_PDEATHSIG = 1
"""Of Linux's prctl(2)."""


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the process as SystemExit does, so that what is open is closed; exit code 128 + signal."""
    if threading.current_thread() is not threading.main_thread():  # only the main one may set handlers
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent dies; Linux only, elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
