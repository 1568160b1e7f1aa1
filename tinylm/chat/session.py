"""A conversation: what was said, what was answered, and under which settings. Nothing here knows a terminal.

    session = Session(backend, settings=Settings(temperature=0.7), system="You are a sailor.")
    turn = session.say("Where do you go?")
    for text in turn:
        print(text, end="", flush=True)
    turn.report.tokens_per_second

A turn without a word of an answer, because it failed or was stopped at once, leaves the conversation as it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tinylm.base.errors import TinylmError
from tinylm.chat.contract import ChatBackend, Usage
from tinylm.chat.settings import Settings
from tinylm.runtime.chat_template import Message
from tinylm.runtime.print_text import check_option
from tinylm.runtime.sampling import MAX_SEED


@dataclass(frozen=True, kw_only=True)
class TurnReport:
    """How an answer came about; times as whoever waits for it sees them."""

    finish_reason: str | None
    usage: Usage
    ttft_ms: float | None
    """From the question to the first text; None where none came."""
    tokens_per_second: float | None
    """After the first text; None where too few came to tell."""
    notes: tuple[str, ...]


class Session:
    """One conversation with a backend."""

    def __init__(self, backend: ChatBackend, *, settings: Settings, system: str | None = None) -> None:
        self.backend = backend
        self.settings = settings
        self.system = system
        self.said: list[Message] = []
        """What was said and answered, in turns; without the system prompt."""
        self.answers = 0
        """Begun in this conversation. Each has a seed of its own, so that another try is another text."""
        self.forgetting = False
        """It was told that the model does not see all of it any more."""
        self.last: TurnReport | None = None
        self.seed = settings.seed
        """Given for the whole session: it holds for every conversation that is loaded."""

    @property
    def messages(self) -> list[Message]:
        """All of it, the system prompt first."""
        return [*([Message(role="system", content=self.system)] if self.system else []), *self.said]

    def say(self, text: str) -> Turn:
        """A turn, which begins when it is iterated. TinylmError for text that is too long, or no UTF-8."""
        check_option("what is said", text)
        return Turn(self, earlier=self.said, text=text)

    def retry(self) -> Turn:
        """Another answer to what was said last. TinylmError where nothing was."""
        self._check_said("there is nothing to answer again")
        return Turn(self, earlier=self.said[:-2], text=self.said[-2].content)

    def undo(self) -> str:
        """Take the last turn back; what was said in it. TinylmError where there is none."""
        self._check_said("there is nothing to undo")
        text = self.said[-2].content
        del self.said[-2:]
        self.last = None
        return text

    def begin(self, said: Sequence[Message] = ()) -> None:
        """A new conversation, or one that was had before: `said` in turns. System prompt and settings stay."""
        self.said = list(said)
        self.answers = len(said) // 2
        self.forgetting = False
        self.last = None

    def next_settings(self) -> Settings:
        """The settings of the next answer."""
        if self.settings.seed is None:
            return self.settings
        return replace(self.settings, seed=(self.settings.seed + self.answers) % (MAX_SEED + 1))

    def _check_said(self, problem: str) -> None:
        if not self.said:
            raise TinylmError(problem, "say something first")


class Turn:
    """What is said, and the answer to it, to be iterated once."""

    def __init__(self, session: Session, *, earlier: Sequence[Message], text: str) -> None:
        self._session = session
        self._earlier = [*earlier, Message(role="user", content=text)]
        system = [message for message in session.messages if message.role == "system"]
        self._answer = session.backend.answer([*system, *self._earlier], session.next_settings())
        self.text = ""
        """The answer so far."""

    def cancel(self) -> None:
        """End the answer; what has come of it stays. A signal handler may call it."""
        self._answer.cancel()

    def __iter__(self) -> Iterator[str]:
        """The answer as it comes, none of it empty. TinylmError where there is none."""
        self._session.answers += 1
        start = time.perf_counter()
        first = end = None
        try:
            for piece in self._answer:
                if piece:
                    end = time.perf_counter()
                    first = first or end
                    self.text += piece
                    yield piece
        finally:
            self._keep(None if first is None or end is None else (first - start, end - first))

    def _keep(self, times: tuple[float, float] | None) -> None:
        session, answer = self._session, self._answer
        if self.text or answer.finish_reason == "stop":
            session.said = [*self._earlier, Message(role="assistant", content=self.text)]
        notes = list(answer.notes)
        if answer.forgotten and not session.forgetting:
            session.forgetting = True
            notes.append("the conversation is longer than the model's context: it no longer sees the oldest messages")
        tokens = answer.usage.completion_tokens
        pace = (tokens - 1) / times[1] if times and times[1] > 0 and tokens and tokens > 1 else None
        session.last = TurnReport(
            finish_reason=answer.finish_reason,
            usage=answer.usage,
            ttft_ms=None if times is None else 1000 * times[0],
            tokens_per_second=pace,
            notes=tuple(notes),
        )
