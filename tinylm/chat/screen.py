"""Where a conversation is seen and typed: what every such place can do, and the plainest of them.

`PlainScreen` reads lines from a pipe, a file, or a terminal that can do no more; it needs nothing but Python.
"""

from __future__ import annotations

import sys
from typing import Protocol

from tinylm.base.errors import TinylmError, say, show_error
from tinylm.chat.typed_lines import finished, is_unfinished

_MOST_BYTES = 1_000_000
PROMPT, MORE = "> ", ". "


class Screen(Protocol):
    """A place to talk."""

    interactive: bool
    """Somebody sits there, reads, and can try again."""

    def read(self) -> str:
        """What is said next. EOFError at the end; KeyboardInterrupt after Ctrl-C on an empty line."""
        ...

    def write(self, text: str) -> None:
        """A piece of an answer, in which nothing is obeyed by a terminal."""
        ...

    def end(self) -> None:
        """The answer has ended."""
        ...

    def show(self, text: str) -> None:
        """What a command replies."""
        ...

    def note(self, line: str) -> None:
        """What people should know."""
        ...

    def fail(self, error: TinylmError) -> None:
        """What did not work."""
        ...


class PlainScreen:
    """Lines in, text out; a `Screen`."""

    def __init__(self, *, interactive: bool) -> None:
        """The prompt is shown where somebody sits there."""
        self.interactive = interactive
        self._begun = False

    def read(self) -> str:
        text = self._line(PROMPT)
        while is_unfinished(text):
            text += "\n" + self._line(MORE)
        return finished(text)

    def write(self, text: str) -> None:
        text = text if self._begun else text.lstrip()
        self._begun = self._begun or bool(text)
        print(text, end="", flush=True)

    def end(self) -> None:
        self._begun = False
        print(flush=True)

    def show(self, text: str) -> None:
        print(text, flush=True)

    def note(self, line: str) -> None:
        say(line)

    def fail(self, error: TinylmError) -> None:
        show_error(error)

    def _line(self, prompt: str) -> str:
        if self.interactive:
            print(prompt, end="", flush=True)
        line = sys.stdin.buffer.readline(_MOST_BYTES) if sys.stdin else b""
        if not line:
            raise EOFError
        try:
            return line.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise TinylmError("what is said is not UTF-8 text", "convert it with `iconv -t UTF-8`") from error
