"""What a process asks of its C libraries, apart from the libraries themselves, so that no backend needs another's.

disable_telemetry()                  # before ONNX Runtime is loaded
with giving_back_memory():
    session = ...                    # while a model is loaded
forget_code()                        # when code ran that will not run again
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DONT_NEED = 4  # MADV_DONTNEED of sys/mman.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h


def disable_telemetry() -> None:
    """Keep ONNX Runtime from reporting to its maker; works only before it is loaded.

    Official builds send usage data and keep an identifier of the device, unless this stands in the environment
    (Privacy.md in the wheel). A device that runs offline must not do that unasked, and without it the process is 1.9 MB
    smaller (measured). Whoever wants it sets the variable to 0.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@contextmanager
def giving_back_memory() -> Iterator[None]:
    """While a model is loaded: what is freed in large blocks goes back to the system at once.

    Weights are copied several times on their way (parsed, transposed, packed). glibc keeps freed blocks that lie
    between blocks in use, and the copies add up in the process's peak: 1.0 MB at 2.2 MB of weights, 2.2 at 8.5
    (measured). Afterwards blocks are kept again, because a token's short-lived buffers must not cost system calls.
    Another C library has its own ways, and nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        yield
        return
    mallopt(_MMAP_THRESHOLD, 65536)
    try:
        yield
    finally:
        # What glibc would have come to by itself: a threshold above the largest block freed so far, and twice that.
        mallopt(_MMAP_THRESHOLD, 4 << 20)
        mallopt(_TRIM_THRESHOLD, 8 << 20)


def forget_code() -> None:
    """Take the pages of loaded code out of this process's memory; what runs again comes back by itself.

    Starting Python and ONNX Runtime and loading a model runs megabytes of code once. Its pages stay resident
    although nobody needs them, until the system runs short; on a small board that is now. Only executable mappings
    of files are touched: they are never written, so the file, which the system caches, has all that they hold.
    Before and after a model is loaded, this saves 6.7 MB of the peak and 9 MB while serving (measured at 1.35
    million parameters). Nothing is done where Linux's /proc and madvise are not there.
    """
    try:
        madvise = ctypes.CDLL(None, use_errno=True).madvise
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except (AttributeError, OSError, TypeError):
        return
    for line in maps:
        place, access, *_, name = line.split(maxsplit=5)
        if access == "r-xp" and name.startswith("/"):
            start, end = (int(address, 16) for address in place.split("-"))
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONT_NEED)
