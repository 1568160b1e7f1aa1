"""Memory that a step frees is kept for the next one."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h; mallopt(3)
_LARGEST = 1 << 30


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed, up to 1 GB, instead of giving it back; false where it cannot be told.

    A step allocates the same tensors as the one before. glibc maps each large one anew and the kernel fills it with
    zeros page by page: 25 to 50 ms of a 140 ms step (measured). For the whole process, so for training's alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(what, _LARGEST) == 1 for what in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD))
