"""The conversation itself: read, answer, and again, until somebody leaves."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable_lines
from tinylm.chat.commands import Leave, is_command, run_command
from tinylm.chat.screen import Screen
from tinylm.chat.session import Session, Turn

_HOW_TO_LEAVE = "Ctrl-D or /exit leaves; /help shows the commands"
_ONLY_CONTINUES = "It was not trained to answer: it continues the text that you write."


def introduction(session: Session) -> list[str]:
    """What is said before the first word."""
    model = session.backend.model
    about = f"{model.name}: {model.details}" if model.details else model.name
    return [about, *([_ONLY_CONTINUES] if model.only_continues else []), f"{_HOW_TO_LEAVE}."]


def talk(session: Session, screen: Screen) -> None:
    """Until Ctrl-D, the end of the input, or `/exit`.

    Where nobody sits there, the first error is a TinylmError, and Ctrl-C a KeyboardInterrupt.
    """
    while True:
        try:
            _exchange(session, screen)
        except (EOFError, Leave):
            return
        except TinylmError as error:
            if not screen.interactive:
                raise
            screen.fail(error)
        except KeyboardInterrupt:
            if not screen.interactive:
                raise
            screen.note(_HOW_TO_LEAVE)


def _exchange(session: Session, screen: Screen) -> None:
    """One thing that is said or commanded, and the reply."""
    text = screen.read()
    if not text.strip():
        return
    reply = run_command(session, text) if is_command(text) else session.say(text)
    if not isinstance(reply, Turn):
        screen.show(printable_lines(reply))
        return
    try:
        with _ctrl_c(reply.cancel) if screen.interactive else contextlib.nullcontext():
            for piece in reply:
                screen.write(printable_lines(piece))
    finally:
        screen.end()
    for note in session.last.notes if session.last else ():
        screen.note(note)


@contextlib.contextmanager
def _ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C calls `stop`; pressed again it interrupts whatever goes on."""
    pressed = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        stop()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
