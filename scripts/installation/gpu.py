"""Is there a GPU here that a build of torch for CUDA could use? Looked at before anything is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_WSL_DRIVER = "usr/lib/wsl/lib/nvidia-smi"  # where Windows puts it, often not on PATH
_PATIENCE_S = 20  # a driver that wakes a sleeping card takes seconds


@dataclass(frozen=True)
class Gpu:
    """What was found: whether CUDA can use it, and in words."""

    cuda: bool
    what: str


def find_gpu(root: Path = Path("/")) -> Gpu:
    """Ask nvidia-smi, then the kernel. `root` is where `dev/`, `proc/` and `usr/` are."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return Gpu(False, "CUDA_VISIBLE_DEVICES hides every GPU")
    program = shutil.which("nvidia-smi") or shutil.which(root / _WSL_DRIVER)
    silent = ""
    if program:
        try:
            asked = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            silent = str(error)
        else:
            cards = [line for line in asked.stdout.splitlines() if line.startswith("GPU ")]
            if asked.returncode == 0 and cards:
                return Gpu(True, cards[0].partition(" (UUID")[0])
            silent = " ".join((asked.stdout + asked.stderr).split()) or f"it ended with {asked.returncode}"
    # A container may have the device and no nvidia-smi.
    if any((root / "proc/driver/nvidia/gpus").glob("*")) or any((root / "dev").glob("nvidia[0-9]*")):
        return Gpu(True, "an NVIDIA driver")
    if (root / "dev/kfd").exists():
        return Gpu(False, "an AMD GPU, for which PyTorch has wheels on an index of its own (TORCH_INDEX_URL)")
    return Gpu(False, f"no GPU that works: nvidia-smi says: {silent}" if silent else "no GPU")
