"""Python, the C library, and the packages that the runtime needs."""

from __future__ import annotations

import os
import platform
import struct
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tinylm.machine.facts import ImportTrial, NativeTrial, Software
from tinylm.machine.kernel_files import text
from tinylm.machine.onnxruntime_version import installed_onnxruntime
from tinylm.machine.trials import not_tried, try_import, try_native

WANTED = {"numpy": "1.26", "onnxruntime": "1.22", "sentencepiece": "0.2.1", "psutil": "5.9"}
"""The base package's compiled dependencies and the oldest version of each, as pyproject.toml says (tested)."""


def read_software(root: Path, *, try_imports: bool = True) -> Software:
    """Read what is installed here, and try each import in a process of its own."""
    return Software(
        system=kernel(),
        distribution=_distribution(root),
        implementation=platform.python_implementation(),
        python=platform.python_version(),
        pointer_bits=8 * struct.calcsize("P"),
        libc=_libc(),
        trials=tuple(_trial(module, wanted, try_imports) for module, wanted in WANTED.items()),
        native=try_native() if try_imports else NativeTrial(outcome="not_tried", detail=""),
    )


def kernel() -> str:
    """Its name and release."""
    return f"{platform.system()} {platform.release()}"


def installed(package: str) -> str | None:
    """The installed version, without importing anything."""
    try:
        return version(package)
    except (PackageNotFoundError, OSError, ValueError):  # a half-removed package has damaged metadata
        return None


def _trial(module: str, wanted: str, try_imports: bool) -> ImportTrial:
    found = installed_onnxruntime() if module == "onnxruntime" else installed(module)
    if not try_imports:
        return not_tried(module, found, wanted)
    return try_import(module, version=found, wanted=wanted)


def _distribution(root: Path) -> str | None:
    for line in (text(root / "etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip("\"'") or None
    return None


def _libc() -> str | None:
    """glibc's own answer; None for any other C library."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None
