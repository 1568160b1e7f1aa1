"""Damage of any kind ends in an error, never in text."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from programs import Ran, run_program

TRAILER_BYTES = 104


def damaged(hello: Path, tmp_path: Path, data: bytes) -> Ran:
    file = tmp_path / "damaged"
    file.write_bytes(data)
    file.chmod(0o755)
    return run_program(file, "the", "--seed=1")


def refuses(found: Ran) -> None:
    assert (found.returncode, found.stdout) == (2, b"")
    message = found.stderr.decode()
    assert message.startswith(("error: this file is damaged: ", "error: no model is at the end of this file"))
    assert "\n\nhint: copy the file again" in message


@pytest.mark.parametrize("cut", [1, 4, TRAILER_BYTES - 1, TRAILER_BYTES, TRAILER_BYTES + 1, 5000])
def test_a_truncated_file_is_refused(hello: Path, tmp_path: Path, cut: int) -> None:
    refuses(damaged(hello, tmp_path, hello.read_bytes()[:-cut]))


def test_a_file_that_grew_is_refused(hello: Path, tmp_path: Path) -> None:
    refuses(damaged(hello, tmp_path, hello.read_bytes() + b"\n"))


def test_the_bare_program_says_that_it_has_no_model(tmp_path: Path, hello: Path) -> None:
    data = hello.read_bytes()
    (begin,) = struct.unpack_from("<Q", data, len(data) - TRAILER_BYTES)
    refuses(damaged(hello, tmp_path, data[:begin]))


@pytest.mark.parametrize("place", range(TRAILER_BYTES))
def test_any_byte_of_the_trailer_matters(hello: Path, tmp_path: Path, place: int) -> None:
    data = bytearray(hello.read_bytes())
    data[len(data) - TRAILER_BYTES + place] ^= 1 << random.Random(place).randrange(8)
    refuses(damaged(hello, tmp_path, bytes(data)))


@pytest.mark.parametrize("draw", range(40))
def test_any_byte_of_the_parts_matters(hello: Path, tmp_path: Path, draw: int) -> None:
    data, rng = bytearray(hello.read_bytes()), random.Random(draw)
    (begin,) = struct.unpack_from("<Q", data, len(data) - TRAILER_BYTES)
    data[rng.randrange(begin, len(data) - TRAILER_BYTES)] ^= 1 << rng.randrange(8)
    refuses(damaged(hello, tmp_path, bytes(data)))


def test_a_new_head_on_an_old_tail_is_refused(hello: Path, tmp_path: Path) -> None:
    """What an interrupted `scp` over an older file leaves: the old length, the new beginning."""
    data = bytearray(hello.read_bytes())
    (begin, size) = struct.unpack_from("<2Q", data, len(data) - TRAILER_BYTES)
    half = begin + size // 2
    data[begin:half] = random.Random(0).randbytes(half - begin)
    refuses(damaged(hello, tmp_path, bytes(data)))
