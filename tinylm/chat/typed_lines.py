"""Lines as they are typed become what is said: a text of several lines can be written in the ways people know.

A backslash at the end of a line goes on in the next, as in a shell; three quotation marks begin a text that ends with
three more.
"""

from __future__ import annotations

_QUOTES = '"""'


def is_unfinished(text: str) -> bool:
    """Whether another line belongs to `text`, the lines so far."""
    if text.startswith(_QUOTES):
        return len(text) < 2 * len(_QUOTES) or not text.endswith(_QUOTES)
    backslashes = len(text) - len(text.rstrip("\\"))
    return backslashes % 2 == 1


def finished(text: str) -> str:
    """What is said with the lines `text`: without the marks that held them together."""
    if text.startswith(_QUOTES):
        return text[len(_QUOTES) :].removesuffix(_QUOTES).strip("\n")
    return text.replace("\\\n", "\n")
