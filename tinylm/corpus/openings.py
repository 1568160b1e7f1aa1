"""How a text begins: a prompt that a model of its language has something to say to, whatever the script."""

from __future__ import annotations

import unicodedata

_WORDS = 2
_MOST_CHARACTERS = 24
_CHARACTERS = 6
"""Of text that does not part words by spaces."""


def opening(text: str) -> str:
    """The first two words of `text`, or its first few characters where words are not parted; empty without any."""
    words = text.split(maxsplit=_WORDS)[:_WORDS]
    while len(words) > 1 and len(" ".join(words)) > _MOST_CHARACTERS:
        words.pop()
    start = " ".join(words)
    if len(start) <= _MOST_CHARACTERS:
        return start
    end = _CHARACTERS
    while end < len(start) and unicodedata.category(start[end]).startswith("M"):  # a mark stays with its letter
        end += 1
    return start[:end]
