"""Compiling: what is made, when it is made again, and what is said when it cannot be."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tinylm.native import build as native
from tinylm.native.build import BuildError, build, is_current, library, program, stamp
from tinylm.native.targets import TARGETS, Target

AARCH64 = next(target for target in TARGETS if target.wheel_tag == "manylinux_2_17_aarch64")
_ELF_AARCH64 = 183


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder as `tinylm/native`, with a library of one function and a kernel that needs AVX2."""
    folder = tmp_path / "native"
    (folder / "engine" / "kernels").mkdir(parents=True)
    (folder / "program").mkdir()
    (folder / "engine" / "number.h").write_text("#define NUMBER 42\n")
    public = '__attribute__((visibility("default")))'
    engine = f'#include "number.h"\n{public} int number(void) {{ return NUMBER; }}\nint hidden(void) {{ return 1; }}\n'
    (folder / "engine" / "number.c").write_text(engine)
    kernel = "#ifndef __AVX2__\n#error the kernel's own flags are missing\n#endif\n"
    (folder / "engine" / "kernels" / "avx2.c").write_text(kernel)
    (folder / "program" / "main.c").write_text("int number(void); int main(void) { return number(); }\n")
    return folder


def test_a_library_is_made_once_and_again_when_a_header_changes(
    sources: Path, tmp_path: Path, own_target: Target
) -> None:
    product = library(own_target, tmp_path / "lib" / "some.so")
    assert build(product, sources)
    assert ctypes.CDLL(str(product.output)).number() == 42
    assert not hasattr(ctypes.CDLL(str(product.output)), "hidden")
    assert not build(product, sources)
    made = product.output.stat().st_ino
    (sources / "engine" / "number.h").write_text("#define NUMBER 43\n")
    assert build(product, sources)
    assert product.output.stat().st_ino != made  # renamed into place: who has the old one open keeps it
    assert is_current(product, sources)
    assert sorted(file.name for file in product.output.parent.iterdir()) == ["some.so", "some.so.made-of"]


def test_a_library_for_another_processor(sources: Path, tmp_path: Path) -> None:
    product = library(AARCH64, tmp_path / "some.so")
    assert [*product.commands(sources)] == ["engine/number.c"]  # no AVX2 there
    build(product, sources)
    (machine,) = struct.unpack_from("<H", product.output.read_bytes(), 18)
    assert machine == _ELF_AARCH64


def test_flags_are_part_of_what_it_was_made_of(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product = library(AARCH64, tmp_path / "some.so")
    product.output.touch()
    stamp(product.output).write_text(product.fingerprint(sources))
    assert is_current(product, sources)
    monkeypatch.setattr(native, "FLAGS", (*native.FLAGS, "-DSLOW"))
    assert not is_current(product, sources)


def test_an_error_of_the_compiler_leaves_what_was_there(sources: Path, tmp_path: Path, own_target: Target) -> None:
    product = library(own_target, tmp_path / "some.so")
    product.output.write_text("the one before")
    (sources / "engine" / "number.c").write_text("int number(void) { return nothing; }\n")
    with pytest.raises(BuildError, match="use of undeclared identifier 'nothing'"):
        build(product, sources)
    assert product.output.read_text() == "the one before"
    assert [*tmp_path.glob(".*partial")] == []


def test_what_cannot_be_built_is_said(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match="no processor is called `z80`"):
        program("z80")
    shutil.rmtree(sources / "program")
    with pytest.raises(BuildError, match=r"the C sources are missing: `.*program`"):
        build(program("aarch64", tmp_path / "program"), sources)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BuildError, match="`ziglang`, which compiles C, is not installed"):
        build(library(AARCH64, tmp_path / "some.so"), sources)
    (sources / "engine" / "kernels" / "mmx.c").touch()
    with pytest.raises(BuildError, match=r"`engine/kernels/mmx\.c` is no kernel that is known"):
        build(library(AARCH64, tmp_path / "some.so"), sources)


def test_a_folder_that_is_a_file(sources: Path, tmp_path: Path, own_target: Target) -> None:
    (tmp_path / "lib").write_text("no folder")
    with pytest.raises(BuildError, match=r"cannot write `.*lib/some\.so`"):
        build(library(own_target, tmp_path / "lib" / "some.so"), sources)


@pytest.mark.slow
def test_a_program_needs_nothing_else(sources: Path, tmp_path: Path, own_target: Target) -> None:
    product = program("x86_64", tmp_path / "program")
    build(product, sources)
    assert b"/ld-" not in product.output.read_bytes()  # the name of a loader of libraries
    if own_target.architecture.name == "x86_64":
        assert subprocess.run([product.output], check=False).returncode == 42


def test_the_command_says_whether_the_library_must_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_target: Target
) -> None:
    product = library(own_target, tmp_path / "some.so")
    monkeypatch.setattr(native, "library", lambda _: product)
    assert native.main(["check"]) == 1
    product.output.touch()
    stamp(product.output).write_text(product.fingerprint())
    assert native.main(["check"]) == 0
    assert native.main([]) == 0  # nothing is compiled: the file is still empty
    assert product.output.read_bytes() == b""
    monkeypatch.setattr(native, "host_target", lambda: None)
    assert native.main(["check"]) == native.main([]) == 0


def test_the_command_explains_its_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert native.main(["program", "z80"]) == 2
    assert native.main(["everything"]) == 2
    errors = capsys.readouterr().err
    assert "error: no processor is called `z80`\n\nhint: one of x86_64, aarch64" in errors
    assert "`everything` is nothing that can be built" in errors
