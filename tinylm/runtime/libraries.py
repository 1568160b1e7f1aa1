"""numpy, loaded the way a device wants it; the runtime's modules that need it take it from here.

    from tinylm.runtime.libraries import np

What is set here works only before numpy is first loaded. A process that loaded it by itself keeps what it chose.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


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


with _one_blas_thread():
    import numpy as np

__all__ = ["np"]
