"""Text that comes in pieces, broken between words and not within them as a terminal would."""

from __future__ import annotations

from collections.abc import Callable


def wrapped(text: str, width: int, *, cells: Callable[[str], int] = len) -> str:
    """All of a text at once, as `WordWrap` breaks it."""
    wrap = WordWrap(width, cells=cells)
    return wrap.push(text) + wrap.flush()


class WordWrap:
    """Holds the last word back until it is whole; what goes through is on lines of at most `width` cells.

    A word that is longer than a line is broken, and so is what is written without spaces, at any character.
    """

    def __init__(self, width: int, *, cells: Callable[[str], int] = len) -> None:
        """`cells` says how wide a character is: 2 for most of Chinese or Japanese."""
        self._width, self._cells = width, cells
        self._column = 0
        self._spaces = self._word = ""

    def push(self, text: str) -> str:
        """The text that became certain with `text`; may be empty."""
        return "".join(self._step(character) for character in text)

    def flush(self) -> str:
        """What is held back, when no more text will come."""
        return self._word_out() + self._spaces_out()

    def _step(self, character: str) -> str:
        if character == "\n":
            text = self._word_out() + character
            self._spaces, self._column = "", 0
            return text
        if character.isspace():
            text = self._word_out()
            self._spaces += character
            return text
        self._word += character
        whole = self._cells(character) > 1 or self._wide(self._word) >= self._width
        return self._word_out() if whole else ""

    def _word_out(self) -> str:
        if not self._word:
            return ""
        wide = self._wide(self._word)
        spaces = self._spaces_out() if self._column + self._wide(self._spaces) + wide <= self._width else self._break()
        word, self._word = self._word, ""
        self._column += wide
        return spaces + word

    def _spaces_out(self) -> str:
        spaces, self._spaces = self._spaces, ""
        self._column += self._wide(spaces)
        return spaces

    def _break(self) -> str:
        """A line end in place of spaces; none at the start of a line."""
        at_start, self._column, self._spaces = self._column == 0, 0, ""
        return "" if at_start else "\n"

    def _wide(self, text: str) -> int:
        return sum(map(self._cells, text))
