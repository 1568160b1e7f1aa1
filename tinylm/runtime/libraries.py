"""numpy and ONNX Runtime, loaded the way a device wants them; the runtime's modules take both from here.

    from tinylm.runtime.libraries import np, onnxruntime

What is set here works only before a library is first loaded. A process that loaded one by itself keeps what it chose.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Keep the OpenBLAS in numpy from starting a thread for every core.

    They spin for 30 ms, which starting a process then waits for (cold start 165 ms instead of 113 on two busy cores,
    measured), and nothing here multiplies matrices in numpy. The variable goes again: other libraries read it too.
    """
    name = "OPENBLAS_NUM_THREADS"
    if name in os.environ:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        del os.environ[name]


# ONNX Runtime's official builds send usage data to their maker and keep an identifier of the device, unless this stands
# in the environment (Privacy.md in its wheel). A device that runs offline must not do that unasked, and without it the
# process is 1.9 MB smaller (measured). Whoever wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

with _one_blas_thread():
    import numpy as np
    import onnxruntime

__all__ = ["giving_back_memory", "np", "onnxruntime"]


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
