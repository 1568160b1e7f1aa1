"""How much stack the engine needs: a thread with the least that a system gives is enough for every call."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_size_t
from pathlib import Path

import pytest

from tests.fixtures.small_images import PRECISIONS, SHAPES, small_image
from tinylm.native.build import NATIVE, Product, build
from tinylm.native.library import LIBRARY, instruction_sets
from tinylm.native.targets import Target

LEAST = 16 << 10
"""PTHREAD_STACK_MIN of Linux, in bytes."""
NEEDED = 12 << 10
"""Measured with glibc 2.36 on x86-64: 6.2 KB at most, of which a thread that does nothing has 4.4 already."""


@pytest.fixture(scope="module")
def measure(own_target: Target, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("stack")
    (folder / "parts").mkdir()
    for source in (Path(__file__).with_name("small_stack.c"), NATIVE / "engine" / "tinylm.h"):
        (folder / "parts" / source.name).write_bytes(source.read_bytes())
    product = Product(
        target=own_target,
        output=folder / "small_stack.so",
        folders=("parts",),
        compiling=("-fPIC", "-Werror"),
        linking=("-shared", str(LIBRARY), f"-Wl,-rpath,{LIBRARY.parent}"),
    )
    build(product, folder)
    return ctypes.CDLL(str(product.output))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_smallest_stack_is_enough(shape: str, precision: str, measure: ctypes.CDLL) -> None:
    image = small_image(shape, precision)
    memory = ctypes.create_string_buffer(len(image) + 64)
    address = (ctypes.addressof(memory) + 63) // 64 * 64
    ctypes.memmove(address, image, len(image))
    for name in instruction_sets():
        for stack in (4 * LEAST, LEAST):
            used = c_size_t()
            arguments = (ctypes.c_void_p(address), c_size_t(len(image)), c_char_p(name.encode()), c_size_t(stack))
            assert measure.small_stack(*arguments, byref(used)) == 0
            print(name, used.value)
            assert used.value < NEEDED, name
