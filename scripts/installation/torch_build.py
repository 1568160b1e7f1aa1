"""Which build of torch this machine can make use of, where pip finds it, and how large it is.

The usual index has one build for Linux, and that is for CUDA: several GB that only an NVIDIA GPU makes use of.
PyTorch's own index has builds for processors alone.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass

from gpu import find_gpu

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_PATIENCE_S = 10  # for an index in all: a host that swallows packets has many addresses to try
_CONNECT_S = 4
_VERSIONS = "Available versions: "


@dataclass(frozen=True)
class Size:
    """MB (10^6 bytes) to download, and MB on disk with the bytecode that pip compiles."""

    download_mb: int
    disk_mb: int

    def __add__(self, other: Size) -> Size:
        return Size(self.download_mb + other.download_mb, self.disk_mb + other.disk_mb)


# Of torch 2.13.0 with what it needs, and of tinylm's extras without torch; Python 3.11. The downloads are the sizes of
# the wheels that `pip install --dry-run --report` lists, the disk is `du` of the environment.
TORCH_SIZES = {"cpu": Size(202, 940), "cuda": Size(2741, 4960), "mac": Size(121, 650)}
# The C compiler, 101 MB, is downloaded for whatever is installed first; only `dev` keeps it.
EXTRA_SIZES = {"train": Size(163, 230), "serve": Size(2, 17), "dev": Size(58, 620), "clients": Size(76, 310)}


@dataclass(frozen=True)
class Build:
    """`index` is None for the index that pip is set up with; `size` None where it is not known; `why` is for people."""

    index: str | None
    size: Size | None
    why: str


def choose(version: str, named_index: str | None) -> Build:
    """The build of torch `version` to take here; `named_index` decides when it is given."""
    if named_index:
        return Build(named_index, None, f"torch from {named_index}, as TORCH_INDEX_URL says")
    system = platform.system()
    if system != "Linux":
        return Build(None, TORCH_SIZES["mac"] if system == "Darwin" else None, "torch from the usual index")
    gpu = find_gpu()
    if gpu.cuda:
        return Build(None, TORCH_SIZES["cuda"], f"found {gpu.what}: torch for CUDA")
    cpu_version = f"{version}+cpu"
    if _offers(None, cpu_version):
        return Build(None, TORCH_SIZES["cpu"], f"found {gpu.what}: torch for processors, which pip has a source of")
    if _offers(CPU_INDEX, cpu_version):
        return Build(CPU_INDEX, TORCH_SIZES["cpu"], f"found {gpu.what}: torch for processors, from {CPU_INDEX}")
    return Build(
        None,
        TORCH_SIZES["cuda"],
        f"found {gpu.what}, but {CPU_INDEX} has no torch {cpu_version} for this Python, or cannot be reached:"
        " torch for CUDA from the usual index, of which this machine uses a tenth",
    )


def _offers(index: str | None, version: str) -> bool:
    """Does pip, with its own proxies, certificates and mirrors, find `version` of torch for this Python?"""
    command = [sys.executable, "-m", "pip", "index", "versions", "torch", "--disable-pip-version-check", "--no-input"]
    command += ["--retries", "0", "--timeout", str(_CONNECT_S), *(["--index-url", index] if index else [])]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    listed = [line.removeprefix(_VERSIONS) for line in found.stdout.splitlines() if line.startswith(_VERSIONS)]
    return any(version in line.split(", ") for line in listed)
