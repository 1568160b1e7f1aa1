"""Bytes to text, as the runtime's TextDecoder does it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.runtime.generation import TextDecoder

Push = Callable[[Sequence[int]], list[str]]


class BytePieces:
    """A vocabulary of bytes alone, decoded as SentencePiece does it: what is no character is one U+FFFD a byte."""

    def piece(self, token: int) -> str:
        return f"<0x{token:02X}>" if token < 256 else "a"

    def decode(self, ids: Sequence[int]) -> str:
        text, data = "", bytes(token for token in ids if token < 256)
        while data:
            size = next((n for n in range(1, 5) if _is_character(data[:n])), 0)
            text += data[:size].decode() if size else "\ufffd"
            data = data[size or 1 :]
        return text


def _is_character(data: bytes) -> bool:
    try:
        return len(data.decode()) == 1
    except UnicodeDecodeError:
        return False


@pytest.fixture(scope="module")
def push(compiled: Callable[..., ctypes.CDLL]) -> Push:
    library = compiled("text_stream.c", "text.c")

    def push(data: Sequence[int]) -> list[str]:
        stream, room = ctypes.create_string_buffer(8), ctypes.create_string_buffer(16)
        sizes = (library.text_stream_byte(stream, byte, room) for byte in data)
        text = [room.raw[:size].decode() for size in sizes]
        size = library.text_stream_flush(stream, room)
        return [*text, room.raw[:size].decode()]

    return push


_BORDERS = st.sampled_from([0x20, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xF5, 0xFF])
_BYTES = st.lists(_BORDERS | st.integers(0, 255), max_size=12) | st.text(max_size=6).map(lambda text: [*text.encode()])


@given(data=_BYTES)
def test_any_bytes_come_out_as_the_runtime_writes_them(push: Push, data: list[int]) -> None:
    decoder = TextDecoder(BytePieces(), after=256)
    assert push(data) == [*(decoder.push(byte) for byte in data), decoder.flush()]


def test_a_character_comes_whole(push: Push) -> None:
    assert push([*"ñ€🐧".encode()]) == ["", "ñ", "", "", "€", "", "", "", "🐧", ""]
