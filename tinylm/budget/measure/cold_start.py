"""A first start ever: the files that a probe needs leave the system's cache, so that they come from the card again.

Asking the kernel to forget a file needs no rights (posix_fadvise), and only files of the bundle, tinylm, the libraries
and Python's own library are asked for; nothing else on the machine gets slower. What another process has mapped stays,
such as this very Python; how much a start really read is what the probe reports.
"""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tinylm.base.package import PACKAGE

_LIBRARIES = ("onnxruntime", "sentencepiece", "numpy")
_OF_SERVING = ("uvicorn", "starlette", "h11", "anyio", "click", "idna", "jinja2", "markupsafe")
_NOT_LOADED = {"site-packages", "test", "idlelib", "ensurepip", "tkinter", "lib2to3"}


def drop_from_cache(candidate: Path, *, serve: bool = False) -> bool:
    """Ask the system to forget the files that starting a probe reads, on a bundle or a program, or starting a server;
    False where that cannot be asked."""
    if not hasattr(os, "posix_fadvise"):
        return False
    libraries = (*_LIBRARIES, *_OF_SERVING) if serve else _LIBRARIES
    for file in [candidate] if candidate.is_file() else _files(candidate, libraries):
        try:
            opened = os.open(file, os.O_RDONLY)
        except OSError:
            continue
        try:
            os.fdatasync(opened)  # what was just written stays in the cache until it is on the disk
            os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError:
            continue  # some file systems keep no cache, or cannot forget
        finally:
            os.close(opened)
    return True


def _files(bundle: Path, libraries: tuple[str, ...]) -> Iterator[Path]:
    yield from (path for path in bundle.iterdir() if path.is_file())
    yield from (path for path in PACKAGE.rglob("*.py*") if path.is_file())
    for name in libraries:
        spec = importlib.util.find_spec(name)  # without importing it
        for folder in map(Path, (spec.submodule_search_locations or []) if spec else []):
            # Wheels keep the libraries that they bring along in a folder beside the package.
            for place in (folder, folder.with_name(f"{name}.libs")):
                for pattern in ("**/*.so*", "**/*.py*"):
                    yield from (path for path in place.glob(pattern) if path.is_file())
    library = Path(sysconfig.get_path("stdlib"))
    for entry in library.iterdir():
        if entry.is_file():
            yield entry
        elif entry.name not in _NOT_LOADED and not entry.name.startswith("config-"):
            yield from (path for path in entry.rglob("*") if path.is_file())
