"""Memory without numpy: zeroed, aligned, shared with views and with numpy, and free until it is touched."""

from __future__ import annotations

import gc
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinylm.base.buffer import FORMATS, Buffer
from tinylm.base.errors import TinylmError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("type_", FORMATS)
@pytest.mark.parametrize("shape", [(1,), (1, 16), (1, 2, 48, 16), ()])
def test_a_buffer_is_zeroed_aligned_and_of_its_type(type_: str, shape: tuple[int, ...]) -> None:
    buffer = Buffer(shape, type_)
    elements = int(np.prod(shape))
    assert (buffer.shape, buffer.type) == (shape, type_)
    assert buffer.nbytes == elements * np.dtype(type_).itemsize
    assert buffer.address % 64 == 0
    assert buffer.data.format == FORMATS[type_]
    assert buffer.data.tolist() == [0] * elements


@pytest.mark.parametrize("type_", FORMATS)
def test_elements_and_slices_can_be_written(type_: str) -> None:
    buffer = Buffer((1, 4), type_)
    buffer.data[3] = 7
    buffer.data[1:3] = memoryview(struct.pack(f"2{FORMATS[type_]}", 1, 2)).cast(FORMATS[type_])
    assert buffer.data.tolist() == [0, 1, 2, 7]


@pytest.mark.parametrize("type_", FORMATS)
def test_numpy_wraps_the_same_memory(type_: str) -> None:
    buffer = Buffer((2, 3), type_)
    array = np.asarray(buffer.data).reshape(buffer.shape)
    assert array.dtype == np.dtype(type_)
    assert array.__array_interface__["data"] == (buffer.address, False)
    array[1, 2] = 5
    assert buffer.data[5] == 5


def test_a_view_is_the_first_part_of_the_same_memory() -> None:
    buffer = Buffer((1, 16), "int32")
    view = buffer.view((1, 5))
    view.data[4] = 9
    assert buffer.data[4] == 9
    assert (view.shape, view.type, view.nbytes, view.address) == ((1, 5), "int32", 20, buffer.address)
    assert len(view.data) == 5
    assert buffer.view((2, 8)).nbytes == 64


def test_memory_lives_as_long_as_anything_that_shows_it() -> None:
    buffer = Buffer((100_000,), "float32")
    buffer.data[99_999] = 3.0
    view = buffer.view((100_000,))
    del buffer
    gc.collect()
    assert view.data[99_999] == 3.0
    data = view.data
    del view
    gc.collect()
    assert data[99_999] == 3.0


@pytest.mark.parametrize(
    ("shape", "type_", "message"),
    [
        ((1,), "float16", "`float16` is not a type of buffers; these are: float32, int32, int64, uint8, int8"),
        ((1, 0), "int32", r"\[1, 0\] holds nothing"),
        ((-1, -1), "int32", r"\[-1, -1\] holds nothing"),
        ((1 << 40, 1 << 40), "int8", "no memory for a buffer of"),
        ((1 << 62,), "int64", "no memory for a buffer of"),
    ],
)
def test_what_cannot_be_held_is_refused(shape: tuple[int, ...], type_: str, message: str) -> None:
    with pytest.raises(TinylmError, match=message):
        Buffer(shape, type_)


@pytest.mark.parametrize("shape", [(17,), (2, 9), (0,), (-1, -16)])
def test_a_view_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(TinylmError, match=r"does not fit into a buffer of the shape \[1, 16\]"):
        Buffer((1, 16), "int32").view(shape)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux /proc")
def test_memory_that_nothing_touched_costs_nothing() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    buffer = Buffer((64, 1_000_000), "uint8")
    assert resident() - before < 4_000_000
    for position in range(0, 64_000_000, 4096):
        buffer.data[position] = 1
    assert resident() - before > 60_000_000
    del buffer
    assert resident() - before < 4_000_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_its_own() -> None:
    program = """
import os
from tinylm.base.buffer import Buffer
buffer = Buffer((4,), "int32")
if os.fork() == 0:
    buffer.data[0] = 1
    os._exit(0)
os.wait()
print(buffer.data[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
