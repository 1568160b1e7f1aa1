"""A tokenizer's pieces by tinylm's own C (tinylm/native/tokenizer): what a device uses, without SentencePiece.

    pieces = NativePieces(path.read_bytes())      # NotCovered: take `tinylm.tokenizer.sentencepiece_pieces`

It opens in a millisecond. Nothing of it is written to afterwards, so any number of threads may use it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from ctypes import byref, c_int32, c_void_p, string_at
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.native.library import load

_BPE = 2
_BYTE = 6
_SILENT = (2, 3)  # UNK and the control pieces


class NotCovered(Exception):
    """The model file is damaged, or has rules that only SentencePiece has: changed characters, a space before all text,
    dropped spaces, another algorithm than `unigram` and `bpe`."""


class _Memory:
    """Zeroed bytes for C, at an address that is a multiple of 8."""

    def __init__(self, size: int) -> None:
        self._words = array("Q", [0]) * ((size + 7) // 8)
        self.address, _ = self._words.buffer_info()

    def bytes(self, size: int) -> bytes:
        return memoryview(self._words).cast("B")[:size].tobytes()

    def integers(self, address: c_void_p, count: int) -> list[int]:
        """Non-negative 32-bit integers in it."""
        start = (address.value or self.address) - self.address
        return memoryview(self._words).cast("B")[start : start + 4 * count].cast("I").tolist()


def pieces_image(model: bytes, tables: bytes = b"") -> bytes:
    """What lies in a program: the pieces of a SentencePiece model file, with the tables of `unicode_tables`.

    NotCovered; NativeUnavailable where the library is missing.
    """
    memory, size = _laid_out(model, tables)
    return memory.bytes(size)


def _laid_out(model: bytes, tables: bytes) -> tuple[_Memory, int]:
    library = load()
    room = library.tinylm_pieces_room(model, len(model), len(tables))
    memory = _Memory(room)
    size = library.tinylm_pieces_lay(model, len(model), tables, len(tables), memory.address) if room else -1
    if size <= 0:
        raise NotCovered
    return memory, size


class NativePieces:
    """An open tokenizer. Texts are normalised already."""

    def __init__(self, model: bytes) -> None:
        """Open a SentencePiece model file; NotCovered, or NativeUnavailable."""
        self._library = library = load()
        self._image, size = _laid_out(model, b"")
        self._memory = _Memory(library.tinylm_tokenizer_bytes())
        self._tokenizer = self._memory.address
        if library.tinylm_tokenizer_open(self._tokenizer, self._image.address, size):
            raise NotCovered
        self.count: int = library.tinylm_piece_count(self._tokenizer)
        special = (c_int32 * 4)()
        library.tinylm_special_ids(self._tokenizer, special)
        self.special_ids = tuple(special)
        # A stream of text asks for every token: what C has said once is kept.
        self._shown: dict[int, str] = {}
        self._names: dict[int, str] = {}

    @property
    def kind(self) -> Literal["unigram", "bpe"]:
        return "bpe" if self._library.tinylm_tokenizer_algorithm(self._tokenizer) == _BPE else "unigram"

    def encode(self, text: str) -> list[int]:
        return self._encoded(text)[0]

    def spans(self, text: str) -> list[tuple[int, int]]:
        ids, ends = self._encoded(text, with_ends=True)
        starts = [0, *ends]
        return [
            (token, 1 if self.is_byte(token) else end - start)
            for token, start, end in zip(ids, starts, ends, strict=False)
        ]

    def _encoded(self, text: str, *, with_ends: bool = False) -> tuple[list[int], list[int]]:
        data, library = text.encode(), self._library
        memory = _Memory(library.tinylm_encode_room(self._tokenizer, len(data)))
        ids, ends = c_void_p(), c_void_p()
        count = library.tinylm_encode(self._tokenizer, data, len(data), memory.address, byref(ids), byref(ends))
        if count < 0:
            raise TinylmError(f"a text of {len(data)} bytes is too long to be encoded at once", "encode it in parts")
        return memory.integers(ids, count), memory.integers(ends, count) if with_ends else []

    def decode(self, ids: Sequence[int]) -> str:
        shown = self._shown
        try:
            return "".join([shown[token] for token in ids])
        except KeyError:
            for token in set(ids) - shown.keys():
                if not self.is_byte(token):  # a byte may be a part of a character only
                    shown[token] = self._decoded([token])
            return self._decoded(ids)

    def _decoded(self, ids: Sequence[int]) -> str:
        library, tokens = self._library, array("i", ids)
        memory = _Memory(library.tinylm_decode_room(self._tokenizer, len(tokens)))
        size = library.tinylm_decode(self._tokenizer, tokens.buffer_info()[0], len(tokens), memory.address)
        if size < 0:
            raise IndexError(f"no piece has one of the ids {min(ids)} to {max(ids)}; there are {self.count}")
        return memory.bytes(size).decode()

    def piece(self, token: int) -> str:
        found = self._names.get(token)
        if found is None:
            found = self._names[token] = self._text(token).replace(" ", "\u2581")
        return found

    def score(self, token: int) -> float:
        return float(self._library.tinylm_piece_score(self._tokenizer, token))

    def is_byte(self, token: int) -> bool:
        return bool(self._library.tinylm_piece_kind(self._tokenizer, token) == _BYTE)

    def is_silent(self, token: int) -> bool:
        return self._library.tinylm_piece_kind(self._tokenizer, token) in _SILENT

    def _text(self, token: int) -> str:
        text = c_void_p()
        size = self._library.tinylm_piece(self._tokenizer, token, byref(text))
        if size < 0:
            raise IndexError(f"no piece has the id {token}; there are {self.count}")
        return string_at(text.value or 0, size).decode()
