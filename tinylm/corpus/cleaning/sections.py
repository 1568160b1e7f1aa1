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
# Around it may stand white space and what normalisation takes out, such as the Ctrl-Z that ends files of DOS.
_BLANK = "[\x00-\x09\x0b-\x20\x7f\x85\xa0\u1680\u2000-\u200f\u202f\u205f\u3000]*"
_DOCUMENT_END = re.compile(rf"^{_BLANK}<\|endoftext\|>{_BLANK}$", re.MULTILINE)

_OTHER_END = re.compile(r"^[ \t]*(</s>|<eos>|<EOS>|\[EOS\]|<\|ENDOFTEXT\|>|<\|end_of_text\|>)[ \t]*$", re.MULTILINE)


def other_end(text: str) -> str | None:
    """A line of `text` that other programs part documents with, and that is text here, such as `</s>`."""
    found = _OTHER_END.search(text)
    return found[1] if found else None


def text_sections(chunks: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The documents of a text file, which a line `<|endoftext|>` parts: text, and whether it goes on the one before.

    Line ends are `\\n`, as `tinylm.corpus.reading.encodings` makes them, or the rare ones of Unicode.
    """
    waiting, continues = "", False
    for chunk in chunks:
        waiting += chunk.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
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
