"""Memory that a step frees is kept for the next one, and given back where something else begins."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


def give_back_freed_memory() -> None:
    """Give the system what is free of the memory that is kept; what needs it again has it filled with zeros again."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # malloc_trim(3): glibc only
        if trim is not None:
            trim(0)


@contextmanager
def apart_from_steps() -> Iterator[None]:
    """For work between steps: it needs other sizes than they do, and would otherwise come on top of what they keep."""
    give_back_freed_memory()
    try:
        yield
    finally:
        give_back_freed_memory()
