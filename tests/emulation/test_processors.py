"""Which processor stands for a board, and for which one a file is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.emulation.processors import PROCESSORS, processor_of
from tinylm.emulation.program_file import family_here, family_of


@pytest.mark.parametrize(
    ("arch", "isa", "name"),
    [
        ("aarch64", ("asimd",), "Cortex-A53"),
        ("arm64", (), "Cortex-A53"),
        ("aarch64", ("asimd", "asimddp"), "Cortex-A76"),
        ("armv7l", ("neon",), "Cortex-A7"),
        ("armv6l", ("vfp",), "ARM1176"),
        ("riscv64", (), "RV64GC"),
        ("aarch64", ("asimd", "asimddp", "i8mm", "sve"), "Cortex-A76"),
        ("armv7l", (), "Cortex-A7"),
        ("x86_64", (), None),
        (None, (), None),
    ],
)
def test_the_kernels_of_a_board(arch: str | None, isa: tuple[str, ...], name: str | None) -> None:
    found = processor_of(arch, isa)
    assert (found and found.name) == name


@pytest.mark.parametrize("name", list(PROCESSORS))
def test_a_programs_family(name: str, timed_loop: Callable[..., Path]) -> None:
    assert family_of(timed_loop(name)) == PROCESSORS[name].family


def test_this_machines_programs() -> None:
    assert family_of(Path(sys.executable).resolve()) == family_here()


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n" + b" " * 40, b"\x7fELF\x02\x02" + b"\0" * 40])
def test_no_program(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert family_of(tmp_path / "file") is None
    assert family_of(tmp_path) is None
    assert family_of(tmp_path / "missing") is None
