"""What goes on between somebody and a model: words, errors, Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from chat_server import ChatServer, Handler, events, said

from tinylm.base.errors import TinylmError
from tinylm.chat.remote import RemoteBackend
from tinylm.chat.session import Session
from tinylm.chat.settings import Settings
from tinylm.chat.talk import introduction, talk

END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]}


class Script:
    """Somebody who says `lines`, and presses Ctrl-C where a line is None or an answer says `interrupts`."""

    def __init__(self, *lines: str | None, interactive: bool = True, interrupts: str = "never") -> None:
        self.interactive, self._lines, self._interrupts = interactive, list(lines), interrupts
        self.shown: list[str] = []

    def read(self) -> str:
        if not self._lines:
            raise EOFError
        line = self._lines.pop(0)
        if line is None:
            raise KeyboardInterrupt
        return line

    def write(self, text: str) -> None:
        self.shown.append(text)
        if self._interrupts in text:  # later, when the answer hangs
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    def end(self) -> None:
        self.shown.append("|")

    def show(self, text: str) -> None:
        self.shown.append(text)

    def note(self, line: str) -> None:
        self.shown.append(f"note: {line}")

    def fail(self, error: TinylmError) -> None:
        self.shown.append(f"error: {error.message}")


def connected(server: ChatServer) -> Session:
    return Session(RemoteBackend(server.url, token=None, tell=print), settings=Settings())


def test_what_is_said_is_answered_until_somebody_leaves(chat_server: ChatServer) -> None:
    chat_server.replies = [events(said("A\x1b[2J"), END)]
    screen = Script("  ", "hello", "/undo", "/undo", None, "/exit", "never said")
    session = connected(chat_server)
    talk(session, screen)
    assert screen.shown == [
        "A\\u001b[2J",
        "|",
        "note: the server's content filter ended the answer",
        "taken back: hello",
        "error: there is nothing to undo",
        "note: Ctrl-D or /exit leaves; /help shows the commands",
    ]
    assert introduction(session) == ["small", "Ctrl-D or /exit leaves; /help shows the commands."]


def test_where_nobody_sits_the_first_problem_is_the_end(chat_server: ChatServer) -> None:
    with pytest.raises(TinylmError, match="nothing to undo"):
        talk(connected(chat_server), Script("/undo", "/exit", interactive=False))
    with pytest.raises(KeyboardInterrupt):
        talk(connected(chat_server), Script(None, "/exit", interactive=False))


def test_ctrl_c_ends_an_answer_that_hangs_and_nothing_else(chat_server: ChatServer) -> None:
    chat_server.replies = [events(said("Once upon"), hang=True), events(said(" a time"), END)]
    screen = Script("hello", "go on", interrupts="Once")
    session = connected(chat_server)
    talk(session, screen)
    assert screen.shown[:4] == ["Once upon", "|", " a time", "|"]
    assert len(session.said) == 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_waiting_for_the_first_word(chat_server: ChatServer) -> None:
    def interrupt(handler: Handler) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        handler.server.released.wait(30)

    chat_server.replies = [interrupt]
    session = connected(chat_server)
    screen = Script("hello")
    talk(session, screen)
    assert screen.shown == ["|"]
    assert session.said == []
