"""Text that streams in, cut into documents, and long documents into sections that fit in memory.

A section is cleaned and split by itself, so that a file of any size is worked on in constant memory. Only documents of
more than `SECTION_CHARACTERS` are cut, at a blank line, else a line end, else a space: *Don Quijote* comes whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

SECTION_CHARACTERS = 4_000_000
"""The longest text that is worked on in one piece."""

DOCUMENT_END = "<|endoftext|>"
_DOCUMENT_END = re.compile(r"^<\|endoftext\|>[ \t]*$", re.MULTILINE)


def text_sections(chunks: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The documents of a text file, which a line `<|endoftext|>` parts: text, and whether it goes on the one before."""
    waiting, continues = "", False
    for chunk in chunks:
        waiting += chunk
        lines = waiting.rfind("\n") + 1  # what follows may be half of a line that ends a document
        if DOCUMENT_END in waiting[:lines]:
            *documents, rest = _DOCUMENT_END.split(waiting[:lines])
            for document in documents:
                yield from _cut_all(document, continues)
                continues = False
            waiting = rest + waiting[lines:]
        while len(waiting) > SECTION_CHARACTERS:
            section, waiting = _cut(waiting)
            yield section, continues
            continues = True
    for document in _DOCUMENT_END.split(waiting):
        yield from _cut_all(document, continues)
        continues = False


def sections(text: str) -> Iterator[tuple[str, bool]]:
    """The sections of one document that is in memory: text, and whether it goes on the one before."""
    return _cut_all(text, False)


def _cut_all(text: str, continues: bool) -> Iterator[tuple[str, bool]]:
    while len(text) > SECTION_CHARACTERS:
        section, text = _cut(text)
        yield section, continues
        continues = True
    yield text, continues


def _cut(text: str) -> tuple[str, str]:
    """A section and the rest, both without loss; the cut never parts a letter from its accent."""
    for end in ("\n\n", "\n", " "):
        if (position := text.rfind(end, SECTION_CHARACTERS // 2, SECTION_CHARACTERS)) >= 0:
            return text[: position + len(end)], text[position + len(end) :]
    position = SECTION_CHARACTERS
    while position > 1 and unicodedata.combining(text[position]):
        position -= 1
    return text[:position], text[position:]
