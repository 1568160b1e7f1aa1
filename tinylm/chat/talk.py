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
    """Until Ctrl-D, the end of the input, or `/exit`. TinylmError where the screen raises it again."""
    while True:
        try:
            text = screen.read()
        except EOFError:
            return
        except KeyboardInterrupt:
            screen.note(_HOW_TO_LEAVE)
            continue
        if not text.strip():
            continue
        try:
            reply = run_command(session, text) if is_command(text) else session.say(text)
            if isinstance(reply, Turn):
                _write(session, reply, screen)
            else:
                screen.show(printable_lines(reply))
        except Leave:
            return
        except TinylmError as error:
            screen.fail(error)


def _write(session: Session, turn: Turn, screen: Screen) -> None:
    try:
        with _ctrl_c(turn.cancel):
            for piece in turn:
                screen.write(printable_lines(piece))
    except KeyboardInterrupt:  # pressed twice
        pass
    finally:
        screen.end(session.last)
    for note in session.last.notes if session.last else ():
        screen.note(note)
    if session.last and session.last.finish_reason == "content_filter":
        screen.note("the content filter ended the answer")


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
