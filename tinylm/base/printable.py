"""Words for people, whatever the output: a page, a table, a file for a CI system.

What is shown may come from anywhere, so text out of it goes through `printable` before it is escaped for its format.
"""

from __future__ import annotations

import re
import unicodedata

# They turn text around, so that a reader sees something else than what is written.
_TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_IN_XML = frozenset("\ufffe\uffff")
_SPACES = re.compile(r"\s+")


def printable(text: str) -> str:
    """One line without what could break a format or deceive a reader: control characters become visible escapes."""
    return "".join(_visible(character) for character in _SPACES.sub(" ", text))


def printable_lines(text: str) -> str:
    """The same of a text that keeps its line ends, tabs and spaces: a terminal obeys nothing in it."""
    return "".join(character if character in "\n\t" else _visible(character) for character in text)


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Cs") or character in _TURNS_TEXT or character in _NOT_IN_XML
    return f"\\u{ord(character):04x}" if hidden else character
