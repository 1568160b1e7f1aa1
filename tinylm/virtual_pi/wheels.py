"""The wheels that a device installs, resolved here for its Python and its processor.

A board can be without a network or a compiler, so its packages are resolved and downloaded by the machine that
prepares it: `download_wheels(requirements=device_requirements(), python="3.11", folder=folder)`. The virtual Pi gets
the very files that a board would get.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.base.package import ROOT

_OLDEST_GLIBC, _NEWEST_GLIBC = 17, 36
"""Minor versions of glibc 2 whose wheels run: from the oldest manylinux for aarch64 to what Debian 12 has."""


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """One downloaded file."""

    name: str
    """Of the file, which holds name, version and tags."""
    sha256: str


def device_requirements() -> tuple[str, ...]:
    """What tinylm's base package depends on, as pip spells it: no extras."""
    project = ROOT / "pyproject.toml"
    if project.is_file():  # a checkout; it may be newer than what is installed
        return tuple(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"])
    return tuple(line for line in metadata.requires("tinylm") or () if "extra ==" not in line)


def platform_options(python: str) -> list[str]:
    """Options with which pip takes aarch64 wheels for CPython `python`, such as `3.11`, and nothing it must compile."""
    tags = [f"manylinux_2_{minor}_aarch64" for minor in range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)]
    platforms = [option for tag in (*tags, "manylinux2014_aarch64") for option in ("--platform", tag)]
    return ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]


def download_wheels(*, requirements: Sequence[str], python: str, folder: Path) -> tuple[Wheel, ...]:
    """Resolve `requirements` with everything they depend on, and leave the wheels in `folder`, sorted by name."""
    folder.mkdir(parents=True, exist_ok=True)
    run_pip(["download", "--dest", str(folder), *platform_options(python), *requirements])
    return tuple(Wheel(name=file.name, sha256=sha256(file)) for file in sorted(folder.glob("*.whl")))


def unpack_wheels(*, wheels: Path, python: str, target: Path) -> None:
    """Lay the wheels in the folder `wheels` out in `target`, as `site-packages`, without running any of them."""
    names = sorted(str(file) for file in wheels.glob("*.whl"))
    # Some pips compare a given file with their own Python; the download has already compared it with the device's.
    options = ["--no-deps", "--no-index", "--no-compile", "--ignore-requires-python", "--target", str(target)]
    run_pip(["install", *options, *platform_options(python), *names])


def run_pip(arguments: Sequence[str]) -> None:
    """Run this Python's pip; TinylmError with its last line when it fails or is not there."""
    command = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or done.stderr.splitlines()
        last = errors[-1].removeprefix("ERROR: ") if errors else "it said nothing"
        raise TinylmError(
            f"pip cannot {arguments[0]} the device's wheels: {last[:300]}",
            "check the network and pip's index",
            exit_code=3,
        )
