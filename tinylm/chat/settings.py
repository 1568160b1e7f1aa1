"""What can be set while chatting: how tokens are chosen, how long an answer is, what ends it.

settings = changed(Settings(), "temperature", "0.7")
settings = changed(settings, "temperature", "default")
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.base.records import nearest
from tinylm.runtime.generation import check_text
from tinylm.runtime.sampling import Sampling

DEFAULT = "default"
"""What gives a setting back to the model."""
_WHOLE = ("top_k", "max_tokens", "seed")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """None, and no stop texts, leave it to the model."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    """Of the first answer; each later one has the next."""
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.sampling(Sampling())
        if self.max_tokens is not None and self.max_tokens < 1:
            raise TinylmError(f"`max_tokens` is {self.max_tokens}; at least 1 is needed", "leave it to the model")
        for text in self.stop:
            check_text(text, what="`stop`")
            if not text:
                raise TinylmError("a text of `stop` is empty", "leave it out")

    def sampling(self, defaults: Sampling) -> Sampling:
        """`defaults` with what is set. TinylmError for a value out of range, which names the setting."""
        names = {field.name for field in dataclasses.fields(Sampling)}
        return dataclasses.replace(defaults, **{name: value for name, value in self.given().items() if name in names})

    def given(self) -> dict[str, Any]:
        """What is set, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value not in (None, ())}


NAMES = tuple(field.name for field in dataclasses.fields(Settings))


def changed(settings: Settings, name: str, text: str) -> Settings:
    """`settings` with `name` set to what `text` says. TinylmError for an unknown name, or a value out of range."""
    if name not in NAMES:
        raise TinylmError(f"there is no setting `{name}`", nearest(name, NAMES))
    value: Any = _stops(text) if name == "stop" else None if text == DEFAULT else _number(name, text)
    return dataclasses.replace(settings, **{name: value})


def _number(name: str, text: str) -> int | float:
    try:
        return int(text) if name in _WHOLE else float(text)
    except ValueError:
        needed = "a whole number" if name in _WHOLE else "a number"
        raise TinylmError(f"`{name}` is `{text[:40]}`; {needed} is needed", f"or `{DEFAULT}`") from None


def _stops(text: str) -> tuple[str, ...]:
    """One text as it stands, several in quotes (`"\\n" "User:"`), or none for `default`."""
    if text == DEFAULT:
        return ()
    if not text.startswith('"'):
        return (text,)
    found, decoder = [], json.JSONDecoder()
    rest = text
    while rest:
        try:
            stop, end = decoder.raw_decode(rest)
        except ValueError:
            stop, end = None, 0
        if not isinstance(stop, str):
            hint = 'one text as it stands, or each in quotes: /set stop "\\n" "User:"'
            raise TinylmError(f"`stop` cannot be read at `{rest[:40]}`", hint)
        found.append(stop)
        rest = rest[end:].lstrip()
    return tuple(found)
