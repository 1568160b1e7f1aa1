"""What begins with a slash: commands, each a line in a table that `/help` and the Tab key read too.

reply = run_command(session, "/set temperature 0.7")      # text to show, or a turn to go through
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.records import nearest
from tinylm.chat import settings, transcript
from tinylm.chat.screen import MORE, PROMPT
from tinylm.chat.session import Session, Turn
from tinylm.chat.statistics import statistics
from tinylm.runtime.print_text import check_option

_FORCE = "--force"
_NOTHING = "off"


class Leave(Exception):
    """The user wants to go."""


Reply = str | Turn


@dataclass(frozen=True)
class Command:
    """One command: how it is written, what it does."""

    usage: str
    help: str
    run: Callable[[Session, str], Reply]

    @property
    def takes_more(self) -> bool:
        """Something can stand behind its name."""
        return " " in self.usage


def is_command(text: str) -> bool:
    """Whether it is one, or meant as one: a slash is the very first character."""
    return text.startswith("/")


def run_command(session: Session, text: str) -> Reply:
    """Do what the line says. TinylmError for an unknown command, or one that cannot be done; Leave at `/exit`."""
    word, _, rest = text.partition(" ")
    name = ALIASES.get(word, word)
    if name not in COMMANDS:
        hint = nearest(word, COMMANDS) if word != "/" else "/help shows the commands"
        raise TinylmError(f"there is no command `{word[:40]}`", f"{hint}; a space before it makes it text")
    command, rest = COMMANDS[name], rest.strip()
    if rest and not command.takes_more:
        raise TinylmError(f"{word} stands alone, without `{rest[:40]}`", f"{word}; a space before it makes it text")
    return command.run(session, rest)


def read_system(text: str) -> str | None:
    """A system prompt as it was given: the text, `@FILE`, or None for `off`. TinylmError as for any prompt."""
    if text == _NOTHING:
        return None
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_SYSTEM_BYTES).decode().strip()
        except OSError as error:
            raise TinylmError(
                f"cannot read `{path}`: {error.strerror}", "name a file with the system prompt"
            ) from error
        except UnicodeDecodeError as error:
            raise TinylmError(f"`{path}` is not UTF-8 text", "convert it with `iconv -t UTF-8`") from error
    return check_option("the system prompt", text)


def show_settings(session: Session) -> str:
    """A line for each setting: its value, or the model's own."""
    given, defaults = session.settings.given(), session.backend.model.defaults
    lines = []
    for name in settings.NAMES:
        if name in given:
            value = given[name]
            if name == "stop":
                shown = " ".join(json.dumps(text, ensure_ascii=False) for text in value)
            else:
                shown = f"{value:g}" if isinstance(value, float) else str(value)
        elif name in defaults:
            shown = f"{defaults[name]:g}, the model's own"
        else:
            shown = {"seed": "another each time", "stop": "none"}.get(name, "the server's own")
        lines.append(f"{name:<20}{shown}")
    return "\n".join(lines)


def _help(session: Session, rest: str) -> str:
    width = max(len(command.usage) for command in COMMANDS.values()) + 2
    lines = [f"{command.usage:<{width}}{command.help}" for command in COMMANDS.values()]
    return "\n".join([*lines, "", *_KEYS])


def _set(session: Session, rest: str) -> str:
    if not rest:
        return show_settings(session)
    name, _, value = rest.partition(" ")
    if not value.strip():
        raise TinylmError(f"/set {name} lacks a value", f"/set {name} 1, or /set {name} {settings.DEFAULT}")
    session.settings = settings.changed(session.settings, name, value.strip())
    (line,) = (line for line in show_settings(session).splitlines() if line.split()[0] == name)
    return line


def _system(session: Session, rest: str) -> str:
    if not rest:
        return session.system or "there is no system prompt"
    session.system = read_system(rest)
    return "the system prompt holds from the next answer on" if session.system else "there is no system prompt any more"


def _clear(session: Session, rest: str) -> str:
    session.begin()
    return "a new conversation; system prompt and settings stay"


def _undo(session: Session, rest: str) -> str:
    return f"taken back: {session.undo()}"


def _retry(session: Session, rest: str) -> Turn:
    return session.retry()


def _save(session: Session, rest: str) -> str:
    name = rest.removesuffix(f" {_FORCE}").rstrip()
    path = _path("/save", name)
    transcript.save(session, path, overwrite=rest != name)
    return f"saved: {path}"


def _load(session: Session, rest: str) -> str:
    path = _path("/load", rest)
    replaced = "; it replaces the conversation that was here" if session.said else ""
    transcript.load(session, path)
    return f"loaded: {path}, {len(session.said)} messages{replaced}{_last_exchange(session)}"


def _last_exchange(session: Session) -> str:
    """What was said last and the answer, as they were shown; empty where nothing was."""
    if not session.said:
        return ""
    said, answer = (message.content for message in session.said[-2:])
    lines = said.replace("\n", f"\n{MORE}")
    return f"\n\n{PROMPT}{lines}\n{answer.strip()}"


def _path(command: str, name: str) -> Path:
    if not name:
        raise TinylmError(f"{command} lacks the name of a file", f"{command} talk.json")
    return Path(name).expanduser()


def _model(session: Session, rest: str) -> str:
    backend = session.backend
    if rest:
        backend.use(rest)
        return f"{backend.model.name} answers from now on; the conversation stays"
    return "\n".join(f"{'*' if name == backend.chosen else ' '} {name}" for name in backend.models())


def _stats(session: Session, rest: str) -> str:
    return statistics(session)


def _exit(session: Session, rest: str) -> str:
    raise Leave


COMMANDS = {
    command.usage.split()[0]: command
    for command in (
        Command("/help", "This list.", _help),
        Command("/set NAME VALUE", "Change a setting; `default` gives it back. Alone: all.", _set),
        Command("/system TEXT|@FILE", "What the model is told first; `off` for nothing.", _system),
        Command("/clear", "Begin a new conversation.", _clear),
        Command("/undo", "Take the last question and its answer back.", _undo),
        Command("/retry", "Another answer to the last question.", _retry),
        Command(f"/save FILE [{_FORCE}]", "Write the conversation: JSON, or Markdown into a `.md`.", _save),
        Command("/load FILE", "Go on with a conversation that was saved as JSON.", _load),
        Command("/model [NAME]", "Have another model answer. Alone: which there are.", _model),
        Command("/stats", "Speed of the last answer, tokens in the context, memory.", _stats),
        Command("/exit", "Leave.", _exit),
    )
}
"""By name, in the order of the help."""
ALIASES = {"/?": "/help", "/bye": "/exit", "/quit": "/exit", "/regen": "/retry", "/reset": "/clear"}
"""What the same is called elsewhere."""
_MOST_SYSTEM_BYTES = 400_001
_KEYS = (
    f"Settings: {', '.join(settings.NAMES)}.",
    'Alt+Enter, or a \\ before Enter, begins a new line; """ begins and ends many.',
    "Ctrl-C stops an answer; Ctrl-D leaves. A space before / makes it text.",
)
