"""Unicode's tables for NFC, from Python's own `unicodedata`, as they lie in an image of pieces.

They go into a program made by `tinylm export --standalone`, so that it normalises as the Python that exported it.
tinylm/native/tokenizer/pieces.h says how they lie; they take 21 KB. nfc.c knows that below U+0300 nothing changes or
attaches.
"""

from __future__ import annotations

import sys
import unicodedata
from array import array
from collections.abc import Iterable, Iterator

_HANGUL = range(0xAC00, 0xD7A4)  # computed from its parts
_HANGUL_PARTS = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}
_CHANGES, _ATTACHES = 1 << 9, 1 << 8

Decomposition = tuple[int, int, int, bool]
"""A character, the first and the second that it stands for, or 0, and whether these become it again."""


def unicode_tables() -> bytes:
    """Their three counts, decompositions, compositions and classes; takes half a second."""
    entries = list(_decompositions())
    pairs = sorted((first, second, index) for index, (_, first, second, composes) in enumerate(entries) if composes)
    classes = list(_ranges(_classes(entries, {second for _, second, _ in pairs} | _HANGUL_PARTS)))
    packed = (code << 43 | first << 22 | second << 1 | composes for code, first, second, composes in entries)
    parts = (
        array("I", (len(entries), len(pairs), len(classes), 0)),
        array("Q", packed),
        array("H", (index for *_, index in pairs)),
        array("I", classes),
    )
    return b"".join(_padded(part.tobytes()) for part in parts)


def _decompositions() -> Iterator[Decomposition]:
    for code in range(sys.maxunicode + 1):
        stated = unicodedata.decomposition(chr(code))
        if stated and not stated.startswith("<"):
            first, second = (int(part, 16) for part in f"{stated} 0".split()[:2])
            composes = second > 0 and unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(code)
            yield code, first, second, composes


def _classes(entries: Iterable[Decomposition], seconds: set[int]) -> Iterator[tuple[int, int]]:
    """Every character that changes, attaches or has a combining class, in order, with that."""
    told = {code for code, *_ in entries} | seconds
    for code in range(sys.maxunicode + 1):
        combining = unicodedata.combining(chr(code))
        if (combining or code in told) and code not in _HANGUL:
            start = unicodedata.normalize("NFD", chr(code))[0]
            changes = unicodedata.normalize("NFC", chr(code)) != chr(code)
            attaches = ord(start) in seconds or unicodedata.combining(start) > 0
            if value := combining | _CHANGES * changes | _ATTACHES * attaches:
                yield code, value


def _ranges(classes: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Where that changes from one character to the next."""
    end = before = 0
    for code, value in classes:
        if code != end and before:
            yield end << 10
            before = 0
        if value != before:
            yield code << 10 | value
        end, before = code + 1, value
    yield end << 10


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
