"""A folder of its own for what torch's compiler makes, kept whole.

A process that is killed while it compiles can leave a library that is empty or cut short, and every later run fails on
loading it. Libraries like that are removed before anything is compiled, when no other training uses the folder.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import IO

import torch

import tinylm

FOLDER = "TORCHINDUCTOR_CACHE_DIR"
"""The environment variable that torch reads; when it is set already, it is respected."""
_held: list[IO[str]] = []
"""The lock on the folder, held until the process ends."""


def prepare_cache() -> Path:
    """Point torch's compiler to its folder, remove broken libraries from it, and hold it; returns the folder."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.setdefault(FOLDER, str(home / "tinylm" / f"compiled-{_versions()}")))
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass  # another training compiles here, and repaired it when it began
    else:
        remove_broken(folder)
    fcntl.flock(lock, fcntl.LOCK_SH)
    _held.append(lock)
    return folder


def remove_broken(folder: Path) -> int:
    """Remove libraries below `folder` that are cut short; returns how many."""
    broken = [path for path in folder.rglob("*.so") if not is_whole(path)]
    for path in broken:
        path.unlink(missing_ok=True)
    return len(broken)


def is_whole(library: Path) -> bool:
    """Whether a 64-bit little-endian ELF file reaches to the end of its section table, which linkers write last.

    https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html: e_shoff at byte 40, e_shentsize and e_shnum at 58.
    """
    with library.open("rb") as file:
        header = file.read(64)
    if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
        return False
    table, size, count = (*struct.unpack_from("<Q", header, 40), *struct.unpack_from("<HH", header, 58))
    end: int = table + size * count
    return library.stat().st_size >= end > len(header)


def _versions() -> str:
    return f"{tinylm.__version__}-torch-{torch.__version__}"
