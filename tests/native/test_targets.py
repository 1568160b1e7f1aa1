"""The table of targets: what is named is what pip and the compiler know."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tinylm
from tinylm.native.build import NATIVE, ZIG
from tinylm.native.targets import ARCHITECTURES, KERNELS, TARGETS, Target, host_target, target_of_wheel

PROJECT = Path(tinylm.__file__).resolve().parents[1] / "pyproject.toml"


def test_every_kernel_is_in_the_table_and_nothing_else() -> None:
    assert {file.name for file in (NATIVE / "engine" / "kernels").glob("*.c")} == set(KERNELS)


def test_a_kernel_is_compiled_for_its_processor_only() -> None:
    by_name = {target.architecture.name: target for target in TARGETS}
    assert by_name["x86_64"].cpu("engine/kernels/avx2.c") == "x86_64+avx2"
    assert by_name["aarch64"].cpu("engine/kernels/avx2.c") is None
    assert by_name["aarch64"].cpu("engine/transformer.c") == ARCHITECTURES["aarch64"].cpu
    with pytest.raises(KeyError):
        by_name["aarch64"].cpu("engine/kernels/unheard_of.c")


def test_every_target_has_a_wheel_of_its_own() -> None:
    tags = [target.wheel_tag for target in TARGETS]
    assert len(set(tags)) == len(tags)
    assert [target_of_wheel(tag) for tag in tags] == list(TARGETS)
    assert target_of_wheel("manylinux_2_17_i686") is None


def test_this_python_takes_the_wheel_of_its_own_target(own_target: Target) -> None:
    asked = "from pip._vendor.packaging.tags import platform_tags; print(*platform_tags())"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert own_target.wheel_tag in done.stdout.split()


@pytest.mark.parametrize(
    ("machine", "bits", "libc", "triple"),
    [
        ("x86_64", 64, "glibc 2.36", "x86_64-linux-gnu.2.17"),
        ("x86_64", 64, None, "x86_64-linux-musl"),
        ("x86_64", 32, "glibc 2.36", None),
        ("aarch64", 64, "glibc 2.36", "aarch64-linux-gnu.2.17"),
        ("aarch64", 32, "glibc 2.36", "arm-linux-gnueabihf.2.17"),  # a 32-bit Raspberry Pi OS
        ("armv8l", 32, "glibc 2.36", "arm-linux-gnueabihf.2.17"),  # the same under `setarch linux32`
        ("armv6l", 32, "glibc 2.36", "arm-linux-gnueabihf.2.17"),
        ("riscv64", 64, "glibc 2.36", "riscv64-linux-gnu.2.31"),
        ("s390x", 64, "glibc 2.36", None),
    ],
)
def test_the_target_of_a_python(
    machine: str, bits: int, libc: str | None, triple: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinylm.native.targets.os.uname", lambda: type("Uname", (), {"machine": machine}))
    monkeypatch.setattr("tinylm.native.targets.os.confstr", lambda _: libc)
    monkeypatch.setattr("tinylm.native.targets.struct.calcsize", lambda _: bits // 8)
    target = host_target()
    assert (target and target.triple) == triple


def test_the_compiler_is_the_one_that_pip_installs() -> None:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    wanted = [*project["build-system"]["requires"], *project["project"]["optional-dependencies"]["dev"]]
    found = [line.partition(";")[0] for line in wanted if line.startswith("ziglang")]
    assert found == [f"ziglang=={ZIG}"] * 2
