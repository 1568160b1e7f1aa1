"""What a conversation talks to: a bundle on this machine (`local`), or a server somewhere (`remote`).

backend = LocalBackend(path, ...)
answer = backend.answer(messages, settings)
for text in answer:
    print(text, end="", flush=True)
answer.usage.cached_tokens
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tinylm.chat.settings import Settings
from tinylm.runtime.chat_template import Message

CUT = "cut"
"""The finish reason of an answer whose connection was lost."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What is known of the model that answers; a server may say less than a bundle."""

    name: str
    details: str = ""
    """What it is, in a few words."""
    context_length: int | None = None
    """Tokens."""
    only_continues: bool = False
    """It was not trained to answer: what is said is continued."""
    defaults: Mapping[str, float] = field(default_factory=dict)
    """What holds for a setting that is not set, by its name in `Settings`."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What an answer took, in tokens; None where a server does not say."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    """Of the prompt, those that did not have to be read."""
    completion_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory of the process that computes, in MB, and its limit where one is known."""

    rss_mb: float
    whose: str
    limit_mb: float | None = None


class Answer(Protocol):
    """One answer that is being written, to be iterated once."""

    @property
    def finish_reason(self) -> str | None:
        """None until it has ended: `stop`, `length`, `content_filter`, `cancelled`, `CUT`, or a server's own word."""
        ...

    @property
    def usage(self) -> Usage:
        """Complete when it has ended."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What people should know about it, a line each."""
        ...

    @property
    def forgotten(self) -> int:
        """How many of the oldest messages were left out, because the context holds no more."""
        ...

    def __iter__(self) -> Iterator[str]:
        """The text as it comes; pieces may be empty. TinylmError where there is none."""
        ...

    def cancel(self) -> None:
        """End before the next token; what has come stays. A signal handler may call it."""
        ...


class ChatBackend(Protocol):
    """Something that answers."""

    @property
    def model(self) -> ModelFacts:
        """The one that answers now."""
        ...

    @property
    def chosen(self) -> str:
        """What it is called in `models`."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Models that `use` knows, as far as that is known without asking anybody."""
        ...

    def models(self) -> Sequence[str]:
        """All models there are to choose from. TinylmError where they cannot be asked for."""
        ...

    def use(self, name: str) -> None:
        """Have another model answer. TinylmError, with the one before in place, where that does not work."""
        ...

    def answer(self, messages: Sequence[Message], settings: Settings) -> Answer:
        """Begin an answer to the last of `messages`; nothing is computed before it is iterated.

        TinylmError for what cannot be answered.
        """
        ...

    def memory(self) -> Memory | None:
        """Now; None where it is not known."""
        ...

    def close(self) -> None:
        """Free what is held. Closing twice is fine."""
        ...
