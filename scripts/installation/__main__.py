"""Installs tinylm and its extras into the environment of the Python that runs this, torch first.

    .venv/bin/python scripts/installation train dev

Run by environment.sh in the repository's root. Exit code 2 when it cannot be done.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import time
from pathlib import Path

from quiet_pip import PipError, install
from torch_build import CPU_INDEX, EXTRA_SIZES, Size, choose

_CONSTRAINTS = "constraints.txt"


def main(extras: list[str]) -> int:
    """The exit code."""
    started = time.monotonic()
    version = _pinned("torch")
    try:
        if _is_installed("torch", version):
            _announce(Size(0, 0), extras)
        else:
            build = choose(version, os.environ.get("TORCH_INDEX_URL"))
            _say(f"  {build.why}")
            _announce(build.size, extras)
            # torch first: anything that depends on it then finds the chosen build instead of fetching another
            install("-c", _CONSTRAINTS, *(["--index-url", build.index] if build.index else []), "torch")
        install("-c", _CONSTRAINTS, "-e", f".[{','.join(extras)}]")
    except PipError as error:
        _say(f"error: {error}\n\nhint: repair the cause and run the same again; pip keeps what it has downloaded")
        return 2
    except KeyboardInterrupt:
        _say("\ninterrupted; the same command goes on from what pip has downloaded")
        return 130
    _warn_of_idle_cuda()
    disk_mb = sum(file.lstat().st_blocks * 512 for file in Path(sys.prefix).rglob("*")) / 1e6
    _say(f"  done in {time.monotonic() - started:.0f} s; {sys.prefix} takes {disk_mb / 1e3:.1f} GB")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _announce(torch: Size | None, extras: list[str]) -> None:
    """What is to come with the extras; None where nobody here knows the size of torch."""
    whole = sum((EXTRA_SIZES[extra] for extra in extras), torch or Size(0, 0))
    more = "" if torch else ", and torch, whose size that index knows"
    _say(f"  to download: about {_amount(whole.download_mb)}; on disk: {_amount(whole.disk_mb)}{more}")


def _amount(mb: int) -> str:
    return f"{mb} MB" if mb < 1000 else f"{mb / 1000:.1f} GB"


def _pinned(package: str) -> str:
    for line in Path(_CONSTRAINTS).read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version
    raise SystemExit(f"error: {_CONSTRAINTS} does not pin {package}")


def _is_installed(package: str, version: str) -> bool:
    try:
        return importlib.metadata.version(package).partition("+")[0] == version
    except importlib.metadata.PackageNotFoundError:
        return False


def _warn_of_idle_cuda() -> None:
    """The fall-back, or an index that was named, may have given a build that does nothing here but fill the disk."""
    if importlib.metadata.version("torch").endswith("+cpu"):
        return  # known without importing it, which takes seconds
    asked = "import torch; print(bool(torch.version.cuda and not torch.cuda.is_available()))"
    idle = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    if idle == "True":
        _say(
            "warning: this torch was built for CUDA and finds no such GPU: it works, but fills the disk with GB\n\n"
            f"hint: TORCH_INDEX_URL={CPU_INDEX} has builds for processors; remove {sys.prefix} and run the same again"
        )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
