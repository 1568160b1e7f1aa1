"""numpy, loaded the way a device wants it; the runtime's modules that need it take it from here.

    from tinylm.runtime.libraries import np

The OpenBLAS in numpy would start a thread for every core, which spins at first and delays the start of the process, and
nothing here multiplies matrices in numpy. What is set works only before numpy is first loaded, and is unset again,
because other libraries read the variable too. A process that loaded numpy itself keeps what it chose.
"""

from __future__ import annotations

import os

_VARIABLE = "OPENBLAS_NUM_THREADS"
_chosen = os.environ.get(_VARIABLE)
os.environ.setdefault(_VARIABLE, "1")
import numpy as np  # noqa: E402

if _chosen is None:
    del os.environ[_VARIABLE]

__all__ = ["np"]
