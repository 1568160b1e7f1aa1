"""Where a conversation is seen and typed: what every such place can do, and the plainest of them.

`PlainScreen` reads lines from a pipe, a file, or a terminal that can do no more; it needs nothing but Python.
"""

from __future__ import annotations

import sys
from typing import Protocol

from tinylm.base.errors import TinylmError, say, show_error
from tinylm.chat.session import TurnReport
from tinylm.chat.typed_lines import finished, is_unfinished

PROMPT, MORE = "> ", ". "


class Screen(Protocol):
    """A place to talk."""

    def read(self) -> str:
        """What is said next. EOFError at the end; KeyboardInterrupt after Ctrl-C on an empty line."""
        ...

    def write(self, text: str) -> None:
        """A piece of an answer, in which nothing is obeyed by a terminal."""
        ...

    def end(self, report: TurnReport | None) -> None:
        """The answer has ended."""
        ...

    def show(self, text: str) -> None:
        """What a command replies."""
        ...

    def note(self, line: str) -> None:
        """What people should know."""
        ...

    def fail(self, error: TinylmError) -> None:
        """What did not work; raises it again where nobody is there to read it."""
        ...


class PlainScreen:
    """Lines in, text out; a `Screen`."""

    def __init__(self, *, interactive: bool) -> None:
        """With `interactive` somebody sits there: the prompt is shown, and an error is no end."""
        self._interactive = interactive
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

    def end(self, report: TurnReport | None) -> None:
        self._begun = False
        print(flush=True)

    def show(self, text: str) -> None:
        print(text, flush=True)

    def note(self, line: str) -> None:
        say(line)

    def fail(self, error: TinylmError) -> None:
        if not self._interactive:
            raise error
        show_error(error)

    def _line(self, prompt: str) -> str:
        if self._interactive:
            print(prompt, end="", flush=True)
        line = sys.stdin.readline() if sys.stdin else ""
        if not line:
            raise EOFError
        return line.removesuffix("\n").removesuffix("\r")
