"""What `setup.py` makes: a wheel for one platform with the library in it, or one for all where there is no library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tinylm.native.build import NATIVE, stamp
from tinylm.native.library import LIBRARY
from tinylm.native.targets import Target

ROOT = NATIVE.parents[1]
INSIDE = LIBRARY.relative_to(ROOT).as_posix()
NEEDED = {"typer", "rich"}
_ELF_AARCH64 = 183


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as a clone has it: setuptools writes beside the sources."""
    folder = tmp_path_factory.mktemp("checkout")
    skipped = shutil.ignore_patterns("__pycache__", LIBRARY.parent.name)
    for name in ("tinylm", "budgets", "deploy"):
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def _setup(checkout: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    shutil.rmtree(checkout / "dist", ignore_errors=True)
    command = [sys.executable, "setup.py", "--quiet", "bdist_wheel", *options]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def _wheel(checkout: Path) -> tuple[str, dict[str, bytes]]:
    """The platform in its name, and its files."""
    (file,) = (checkout / "dist").glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return file.stem.partition("-py3-none-")[2], {name: archive.read(name) for name in archive.namelist()}


def _about(files: dict[str, bytes]) -> str:
    return next(data.decode() for name, data in files.items() if name.endswith(".dist-info/WHEEL"))


def _required(files: dict[str, bytes], machine: str) -> set[str]:
    """What pip installs with it on a machine."""
    (metadata,) = (data.decode() for name, data in files.items() if name.endswith(".dist-info/METADATA"))
    found = [Requirement(line) for line in Parser().parsestr(metadata).get_all("Requires-Dist", [])]
    environment = {"platform_machine": machine, "extra": ""}
    return {part.name for part in found if part.marker is None or part.marker.evaluate(environment)}


def test_a_wheel_for_this_machine(checkout: Path, own_target: Target) -> None:
    done = _setup(checkout)
    assert done.returncode == 0, done.stderr
    platform, files = _wheel(checkout)
    assert platform == own_target.wheel_tag
    assert f"Root-Is-Purelib: false\nTag: py3-none-{platform}\n" in _about(files)
    assert files[INSIDE][:4] == b"\x7fELF"
    assert stamp(Path(INSIDE)).as_posix() in files
    assert "tinylm/native/engine/tinylm.h" in files  # for other platforms
    for machine in ("x86_64", "aarch64"):
        assert _required(files, machine) == NEEDED | {"numpy", "onnxruntime", "sentencepiece", "psutil"}, machine
    for machine in ("armv6l", "armv7l", "armv8l", "riscv64"):  # there are no wheels of those
        assert _required(files, machine) == NEEDED, machine


def test_a_wheel_for_another_platform_and_musl(checkout: Path) -> None:
    done = _setup(checkout, "--plat-name", "musllinux_1_2_aarch64")
    assert done.returncode == 0, done.stderr
    platform, files = _wheel(checkout)
    assert platform == "musllinux_1_2_aarch64"
    assert int.from_bytes(files[INSIDE][18:20], "little") == _ELF_AARCH64
    assert _required(files, "aarch64") == NEEDED | {"numpy", "psutil"}  # the others have no wheels for musl


def test_an_unknown_platform_is_refused_with_those_that_are_known(checkout: Path) -> None:
    done = _setup(checkout, "--plat-name", "manylinux_2_17_i686")
    assert done.returncode != 0
    assert "no library for `--plat-name manylinux_2_17_i686`: one of manylinux_2_17_x86_64, " in done.stderr


def test_a_compiler_that_fails_gives_a_wheel_without_the_library(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "ziglang.py").write_text("raise SystemExit('no zig for this machine')", encoding="utf-8")
    done = _setup(checkout, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no zig for this machine" in done.stderr
    assert "warning: tinylm is installed without its C library: models run by ONNX Runtime" in done.stderr
    platform, files = _wheel(checkout)
    assert platform == "any"
    assert "Root-Is-Purelib: true" in _about(files)
    assert INSIDE not in files  # of the wheel that was built before
