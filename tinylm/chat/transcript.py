"""A conversation as a file: JSON to go on with, Markdown to read.

save(session, Path("talk.json"), overwrite=False)
load(session, Path("talk.json"))
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.base.records import read_file, to_bytes
from tinylm.chat.session import Session
from tinylm.chat.settings import Settings
from tinylm.runtime.chat_template import Message

SCHEMA = "1.0"
_MOST_BYTES = 10_000_000
_HINT = "load a file that `/save` wrote, such as talk.json"
_SPEAKERS = {"system": "System", "user": "You", "assistant": "Model"}


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What `/save` writes and `/load` reads."""

    schema: str
    model: str
    """Who answered last; another model may go on."""
    settings: Settings
    messages: tuple[Message, ...]
    """The system prompt first, where there is one; then the user's and the assistant's in turns."""


def save(session: Session, path: Path, *, overwrite: bool) -> None:
    """Write the conversation: as Markdown where the name ends in `.md`, else as JSON.

    TinylmError where nothing was said, the file is there and is not to be overwritten, or it cannot be written.
    """
    if not session.said:
        raise TinylmError("there is no conversation to save yet", "say something first")
    if path.exists() and not (overwrite and path.is_file()):
        raise TinylmError(f"`{path}` is there already", f"/save {path} --force overwrites it")
    if path.suffix.lower() == ".md":
        write_atomic(path, _markdown(session).encode())
        return
    messages = tuple(session.messages)
    name = session.backend.model.name
    write_atomic(path, to_bytes(Transcript(schema=SCHEMA, model=name, settings=session.settings, messages=messages)))


def load(session: Session, path: Path) -> None:
    """Go on with a conversation that was saved, under its settings; a seed that the session was given stays.

    TinylmError, with the session as it was, where the file is none of `save` or was changed to none.
    """
    if not path.is_file():
        raise TinylmError(f"there is no file `{path}`", _HINT)
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise TinylmError(f"`{path}` has {size / 1e6:.0f} MB; at most {_MOST_BYTES / 1e6:.0f} are read", _HINT)
    found = read_file(Transcript, path, major=1, hint=_HINT)
    has_system = bool(found.messages) and found.messages[0].role == "system"
    said = found.messages[1:] if has_system else found.messages
    if len(said) % 2 or any(message.role != ("user", "assistant")[at % 2] for at, message in enumerate(said)):
        raise TinylmError(f"`{path}`: user and assistant do not take turns in `messages`", _HINT)
    session.system = found.messages[0].content if has_system else None
    session.settings = found.settings if session.seed is None else replace(found.settings, seed=session.seed)
    session.begin(said)


def _markdown(session: Session) -> str:
    blocks = [f"# A conversation with {session.backend.model.name}"]
    blocks += [f"**{_SPEAKERS[message.role]}:** {message.content.strip()}" for message in session.messages]
    return "\n\n".join(blocks) + "\n"
