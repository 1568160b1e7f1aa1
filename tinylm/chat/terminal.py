"""A terminal with line editing, history and the Tab key, by prompt_toolkit."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from tinylm.base.errors import TinylmError, error_text
from tinylm.base.printable import printable
from tinylm.base.state_folder import state_folder
from tinylm.chat.commands import COMMANDS, is_command
from tinylm.chat.screen import MORE, PROMPT
from tinylm.chat.session import Session
from tinylm.chat.settings import DEFAULT, NAMES
from tinylm.chat.statistics import fill, pace
from tinylm.chat.typed_lines import finished, is_unfinished
from tinylm.chat.word_wrap import WordWrap, wrapped

_MOST_HISTORY_BYTES = 1_000_000
_STYLE = Style.from_dict({"prompt": "ansicyan bold", "more": "ansicyan", "bottom-toolbar": "noreverse ansibrightblack"})
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class Terminal:
    """A `tinylm.chat.screen.Screen`."""

    interactive = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._colours = not os.environ.get("NO_COLOR")
        self._begun = False
        self._wrap = WordWrap(80)
        self._prompt: PromptSession[str] = PromptSession(
            [("class:prompt", PROMPT)],
            multiline=True,
            prompt_continuation=[("class:more", MORE)],
            key_bindings=_keys(),
            completer=_Completer(session),
            complete_while_typing=False,
            reserve_space_for_menu=4,
            history=_history(),
            bottom_toolbar=self._toolbar,
            style=_STYLE,
        )

    def read(self) -> str:
        return finished(self._prompt.prompt())

    def write(self, text: str) -> None:
        if not self._begun:
            text = text.lstrip()
            if not text:
                return
            self._begun = True
            self._wrap = WordWrap(_columns() - 1, cells=get_cwidth)
        print(self._wrap.push(text), end="", flush=True)

    def end(self) -> None:
        print(self._wrap.flush() + "\n" if self._begun else "", flush=True)
        self._begun = False

    def show(self, text: str) -> None:
        print(f"{_wrapped(text)}\n", flush=True)

    def note(self, line: str) -> None:
        line = _wrapped(line)
        print(f"{_DIM}{line}{_PLAIN}" if self._colours else line, file=sys.stderr, flush=True)

    def fail(self, error: TinylmError) -> None:
        print(f"{_wrapped(error_text(error))}\n", file=sys.stderr, flush=True)

    def _toolbar(self) -> str:
        """Name of the model, fill of the context, pace: those that fit the line."""
        session = self._session
        report = session.last
        figures = [fill(session, report), pace(report)] if report else []
        line = ""
        for part in filter(None, [printable(session.backend.model.name), *figures]):
            longer = f"{line}  ·  {part}" if line else f" {part}"
            line = longer if get_cwidth(longer) <= _columns() else line
        return line


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _wrapped(text: str) -> str:
    return wrapped(text, _columns() - 1, cells=get_cwidth)


def _keys() -> KeyBindings:
    """Enter sends what is finished; Alt+Enter begins a new line; Ctrl-C empties the line first."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_unfinished(buffer.text):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return keys


class _Completer(Completer):
    """Commands, names of settings, models and files, where each can stand."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not is_command(text):
            return
        command, space, rest = text.partition(" ")
        if space and command in ("/save", "/load"):
            yield from self._paths.get_completions(Document(rest), complete_event)
            return
        word, words = text, [f"{name} " if entry.takes_more else name for name, entry in COMMANDS.items()]
        if space:
            word = rest.rpartition(" ")[2]
            words = self._words(command, rest)
        yield from (Completion(found, -len(word)) for found in words if found.startswith(word))

    def _words(self, command: str, rest: str) -> list[str]:
        if command == "/model":
            return list(self._session.backend.names)
        if command == "/set":
            return [f"{name} " for name in NAMES] if " " not in rest else [DEFAULT]
        return []


class _History(FileHistory):
    """What was typed, also before; a disk that is full is no reason to end a conversation."""

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(string)


def _history() -> History:
    """The file `chat-history` of the state folder, for this user's eyes only; in memory where there can be none."""
    folder = state_folder()
    if folder is None:
        return InMemoryHistory()
    path = folder / "chat-history"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _shorten(path)
    except OSError:
        return InMemoryHistory()
    return _History(path)


def _shorten(path: Path) -> None:
    """Make the file where there is none; of one that has grown large the newer half stays."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        os.fchmod(descriptor, 0o600)
        if os.fstat(descriptor).st_size <= _MOST_HISTORY_BYTES:
            return
        file.seek(-_MOST_HISTORY_BYTES // 2, os.SEEK_END)
        newer = file.read()
        file.seek(0)
        file.write(newer[newer.find(b"\n\n") + 1 :])  # an entry begins after an empty line
        file.truncate()
