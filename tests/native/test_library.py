"""Loading the C library: it fits its headers, and whatever may lie in its place is refused in words."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tinylm.native import library as loader
from tinylm.native.build import NATIVE, build, library
from tinylm.native.library import (
    HASH_START,
    INTERFACE,
    LIBRARY,
    NOT_FINITE,
    WINDOW_PASSED,
    NativeUnavailable,
    Sampling,
    instruction_sets,
    load,
)
from tinylm.native.targets import Target, target_of_wheel

HEADERS = (NATIVE / "engine" / "tinylm.h", NATIVE / "tokenizer" / "tinylm_tokenizer.h")
NUMBERS: dict[str, Any] = {
    "void": None,
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "size_t": ctypes.c_size_t,
    "uint64_t": ctypes.c_uint64,
    "float": ctypes.c_float,
}


@pytest.fixture(scope="module")
def host(own_target: Target) -> Path:
    """The library of this machine."""
    build(library(own_target))
    return LIBRARY


def _c_type(declared: str, *, result: bool = False) -> Any:
    words = [word for word in re.findall(r"\w+|\*", declared) if word != "const"]
    if "*" in words:
        return ctypes.c_char_p if result and words[0] == "char" else ctypes.c_void_p
    return NUMBERS[words[0]]


def _declared(header: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    for result, name, arguments in re.findall(
        r"^TINYLM_API (.*?)(\w+)\((.*?)\);", text, flags=re.DOTALL | re.MULTILINE
    ):
        parts = [] if arguments == "void" else arguments.split(",")
        yield name, (_c_type(result, result=True), *map(_c_type, parts))


def test_functions_are_declared_as_in_the_headers() -> None:
    assert dict(pair for header in HEADERS for pair in _declared(header)) == loader._FUNCTIONS


def test_the_interface_is_that_of_the_header(host: Path) -> None:
    defined = re.search(r"#define TINYLM_INTERFACE (\d+)", HEADERS[0].read_text(encoding="utf-8"))
    assert defined is not None
    assert int(defined[1]) == INTERFACE == load(host).tinylm_interface()


def test_the_other_numbers_are_those_of_the_header() -> None:
    text = HEADERS[0].read_text(encoding="utf-8")
    numbers = dict(re.findall(r"TINYLM_(\w+)(?: = | )(-?\d+)u?\b", text))
    found = [int(numbers[name]) for name in ("NOT_FINITE", "WINDOW_PASSED", "HASH_START")]
    assert found == [NOT_FINITE, WINDOW_PASSED, HASH_START]


def test_the_structure_is_that_of_the_header() -> None:
    text = HEADERS[0].read_text(encoding="utf-8")
    body = re.sub(
        r"/\*.*?\*/", "", text[text.index("typedef struct {") : text.index("} tinylm_sampling;")], flags=re.DOTALL
    )
    fields = re.findall(r"([\w ]+[ *])(\w+);", body)
    assert [(name, _c_type(declared)) for declared, name in fields] == list(Sampling._fields_)


def test_this_processor_has_the_plainest_instruction_set(host: Path) -> None:
    assert instruction_sets()[-1] == "scalar"


def test_loading_takes_ctypes_alone(host: Path) -> None:
    code = """
import ctypes, functools, pathlib, sys
before = set(sys.modules)
from tinylm.native.library import load
load()
print(*set(sys.modules) - before)
"""
    environment = {**os.environ, "PYTHONPATH": str(NATIVE.parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {
        "tinylm",
        "__future__",
        "collections",
        "typing",
        "_typing",
    }


def _refused(path: Path) -> str:
    with pytest.raises(NativeUnavailable) as raised:
        load(path)
    assert raised.value.hint
    assert raised.value.exit_code == 2
    return raised.value.message


def test_no_library(tmp_path: Path) -> None:
    assert "none was built for this machine" in _refused(tmp_path / "libtinylm.so")


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"no library at all" * 9], ids=["empty", "short", "text"])
def test_a_file_that_is_no_library(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "libtinylm.so"
    path.write_bytes(content)
    assert "is damaged" in _refused(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_library_whose_end_is_missing(share: float, host: Path, tmp_path: Path) -> None:
    path = tmp_path / "libtinylm.so"
    content = host.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "is cut off after" in _refused(path)


def test_a_library_that_may_not_be_read(host: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything: run the tests as another user")
    path = tmp_path / "libtinylm.so"
    path.write_bytes(host.read_bytes())
    path.chmod(0)
    assert "Permission denied" in _refused(path)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert "cannot be loaded" in _refused(tmp_path)


def _library_of(code: str, target: Target, folder: Path) -> Path:
    (folder / "engine").mkdir()
    (folder / "engine" / "code.c").write_text(code)
    product = library(target, folder / "libtinylm.so")
    build(product, folder)
    return product.output


_PUBLIC = '__attribute__((visibility("default")))'


def test_a_library_of_another_interface(own_target: Target, tmp_path: Path) -> None:
    path = _library_of(f"{_PUBLIC} int tinylm_interface(void) {{ return 999; }}", own_target, tmp_path)
    assert f"has version 999 of its interface; this tinylm needs {INTERFACE}" in _refused(path)


def test_another_library(own_target: Target, tmp_path: Path) -> None:
    path = _library_of(f"{_PUBLIC} int something(void) {{ return 1; }}", own_target, tmp_path)
    assert "is another library" in _refused(path)


def test_a_library_without_one_of_the_functions(own_target: Target, tmp_path: Path) -> None:
    path = _library_of(f"{_PUBLIC} int tinylm_interface(void) {{ return {INTERFACE}; }}", own_target, tmp_path)
    assert "undefined symbol: tinylm_" in _refused(path)


def test_a_library_for_another_processor(tmp_path: Path) -> None:
    other = target_of_wheel("manylinux_2_17_x86_64" if os.uname().machine == "aarch64" else "manylinux_2_17_aarch64")
    assert other is not None
    path = _library_of(f"{_PUBLIC} int tinylm_interface(void) {{ return 1; }}", other, tmp_path)
    assert "was built for another processor" in _refused(path)


def test_a_folder_without_permission_to_execute(host: Path, tmp_path: Path) -> None:
    code = f"from pathlib import Path; from tinylm.native.library import load; load(Path('{tmp_path}/libtinylm.so'))"
    mount = f"mount -t tmpfs -o noexec tmpfs '{tmp_path}'"
    # In a namespace of its own: the mount is seen by this command alone.
    script = f"{mount} || exit 77; cp '{host}' '{tmp_path}' && exec '{sys.executable}' -c \"{code}\""
    done = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True)
    if "tinylm" not in done.stderr:
        pytest.skip("nothing can be mounted here: allow user namespaces")
    assert "its folder is mounted `noexec`" in done.stderr
