"""Where training runs and in what precision."""

from __future__ import annotations

import os
import platform
from typing import Literal

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from tinylm.base.cores import usable_cores
from tinylm.machine.kernel_files import read_cpuinfo

Precision = Literal["auto", "fp32", "bf16"]


def pick_device() -> torch.device:
    """A CUDA GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pick_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """What matrix products run in: `auto` takes bf16 only where the hardware multiplies it, emulated bf16 is slower."""
    if precision == "auto":
        precision = "bf16" if _has_bf16(device) else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def to_device(rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """An array as a tensor on `device`; to a GPU through pinned memory, so that nothing waits for the copy."""
    tensor = torch.from_numpy(rows)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def use_physical_cores() -> int:
    """Have torch use one thread a physical core that this process may run on, unless OMP_NUM_THREADS says otherwise.

    Two threads on one core share its multipliers. Returns the number of threads.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        allowed = usable_cores()
        torch.set_num_threads(min(psutil.cpu_count(logical=False) or allowed, allowed))
    return torch.get_num_threads()


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    flags = read_cpuinfo().flags or frozenset()
    return bool(flags & ({"bf16"} if platform.machine() == "aarch64" else {"avx512_bf16", "amx_bf16"}))
