"""Unicode's tables for NFC, from Python's own `unicodedata`, as they lie in an image of pieces.

They go into a program made by `tinylm export --standalone`, so that it normalises as the Python that exported it.
tinylm/native/tokenizer/pieces.h says how they lie; about 22 KB.
"""

from __future__ import annotations

import sys
import unicodedata
from array import array
from collections.abc import Iterator

_FIRST_MARK = 0x300
"""Below it every character is NFC and attaches to nothing; nfc.c relies on that."""
_HANGUL = range(0xAC00, 0xD7A4)  # computed
_HANGUL_PARTS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
_CHANGES, _ATTACHES = 1 << 9, 1 << 8


def unicode_tables() -> bytes:
    """Decompositions, compositions and classes behind their three counts; some 0.2 s."""
    entries = sorted(_decompositions())
    pairs = sorted((first, second, index) for index, (_, first, second, composes) in enumerate(entries) if composes)
    seconds = {*_HANGUL_PARTS, *(second for _, second, _ in pairs)}
    classes = list(_ranges({code for code, *_ in entries} | seconds, seconds))
    decomposition = array("Q", (code << 43 | first << 22 | second << 1 | composes for code, first, second, composes in entries))
    counts = array("I", (len(entries), len(pairs), len(classes), 0))
    return b"".join(
        _padded(part) for part in (counts, decomposition, array("H", (pair[-1] for pair in pairs)), array("I", classes))
    )


def _decompositions() -> Iterator[tuple[int, int, int, bool]]:
    """Each character that stands for others: the first, the second or 0, and whether these compose to it again."""
    for code in range(sys.maxunicode + 1):
        stated = unicodedata.decomposition(chr(code))
        if stated and not stated.startswith("<"):
            first, second = (int(part, 16) for part in f"{stated} 0".split()[:2])
            yield code, first, second, unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(code) and second > 0


def _ranges(special: set[int], seconds: set[int]) -> Iterator[int]:
    """Where flags or combining class change, from one character to the next."""
    before = 0
    for code in range(_FIRST_MARK, sys.maxunicode + 2):
        value = 0
        if code <= sys.maxunicode and code not in _HANGUL:
            value = unicodedata.combining(chr(code))
            if code in special:
                start = ord(unicodedata.normalize("NFD", chr(code))[0])
                changes = unicodedata.normalize("NFC", chr(code)) != chr(code)
                value |= _CHANGES * changes | _ATTACHES * (start in seconds or unicodedata.combining(chr(start)) > 0)
            elif value:
                value |= _ATTACHES
        if value != before:
            yield code << 10 | value
        before = value


def _padded(part: array[int]) -> bytes:
    data = part.tobytes()
    return data + bytes(-len(data) % 8)
