"""Answers from a server: `tinylm serve`, or any other that speaks the chat API of OpenAI.

    backend = RemoteBackend("http://raspberrypi.local:8000", token=token, tell=say)

What only tinylm's own server says (`tinylm` of a model, `timings`, `/status`) is used where it is there. A stream that
breaks off keeps what came; a server that is busy is asked again after the time that it names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable
from tinylm.base.records import nearest
from tinylm.chat.connection import Connection, ServerBusy, Stream
from tinylm.chat.contract import CUT, Memory, ModelFacts, Usage
from tinylm.chat.settings import Settings
from tinylm.runtime.chat_template import Message

_MOST_TRIES = 5
_MOST_CHARACTERS = 1_000_000
"""Of one answer; no model that is chatted with writes as much."""
_DEFAULTS = ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens")


class RemoteBackend:
    """A server's models; a `tinylm.chat.contract.ChatBackend`."""

    def __init__(self, url: str, *, token: str | None, tell: Callable[[str], None]) -> None:
        """Ask the server for its models, the first of which answers; `tell` takes what people should know meanwhile.

        TinylmError where there is no such server, it wants another token, or has no model.
        """
        self._connection = Connection(url, token=token)
        self._tell = tell
        self._facts = self._ask()
        self.names: Sequence[str] = list(self._facts)
        self.model = next(iter(self._facts.values()))

    @property
    def chosen(self) -> str:
        return self.model.name

    def models(self) -> Sequence[str]:
        self._facts = self._ask()
        self.names = list(self._facts)
        return self.names

    def use(self, name: str) -> None:
        if name not in self._facts:
            self._facts = self._ask()
        if name not in self._facts:
            raise TinylmError(f"the server has no model `{printable(name)[:80]}`", nearest(name, self._facts))
        self.model = self._facts[name]

    def answer(self, messages: Sequence[Message], settings: Settings) -> RemoteAnswer:
        body = {
            "model": self.model.name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            **{name: list(value) if name == "stop" else value for name, value in settings.given().items()},
        }
        return RemoteAnswer(self._connection, body, tell=self._tell)

    def memory(self) -> Memory | None:
        try:
            status = self._connection.get("status", within_api=False)
        except (TinylmError, ServerBusy):
            return None
        rss_mb, limit_mb, budget = (status.get(name) for name in ("rss_mb", "limit_mb", "budget"))
        if not isinstance(rss_mb, int | float):
            return None
        whose = "the server" + (f", budget {printable(budget)[:40]}" if isinstance(budget, str) else "")
        return Memory(rss_mb=rss_mb, whose=whose, limit_mb=limit_mb if isinstance(limit_mb, int | float) else None)

    def close(self) -> None:
        """There is nothing to free: each request has a connection of its own."""

    def _ask(self) -> dict[str, ModelFacts]:
        try:
            listed = self._connection.get("models").get("data")
        except ServerBusy as busy:
            hint = f"try again in {busy.seconds:.0f} s"
            raise TinylmError(f"the server at {self._connection.url} is busy", hint, exit_code=1) from busy
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        found = [_facts(row) for row in rows if isinstance(row.get("id"), str)]
        if not found:
            raise TinylmError(
                f"the server at {self._connection.url} names no model", "does it speak the API of OpenAI, under /v1?"
            )
        return {model.name: model for model in found}


class RemoteAnswer:
    """One answer of a server; a `tinylm.chat.contract.Answer`."""

    def __init__(self, connection: Connection, body: dict[str, Any], *, tell: Callable[[str], None]) -> None:
        self._connection, self._body, self._tell = connection, body, tell
        self._stream: Stream | None = None
        self._cancelled = False
        self.finish_reason: str | None = None
        self.usage = Usage()
        self.notes: list[str] = []
        self.forgotten = 0

    def cancel(self) -> None:
        self._cancelled = True
        if self._stream is not None:
            self._stream.abort()

    def __iter__(self) -> Iterator[str]:
        characters = 0
        try:
            with self._begun() as stream:
                for chunk in stream:
                    text = self._read(chunk)
                    characters += len(text)
                    yield text
                    if characters > _MOST_CHARACTERS:
                        raise TinylmError(f"the answer is longer than {_MOST_CHARACTERS:,} characters")
            if self.finish_reason == "content_filter":
                self.notes.append("the server's content filter ended the answer")
            if self.finish_reason is None:
                raise TinylmError("the connection was closed before the answer had ended")
        except TinylmError as error:
            if self._cancelled:
                self.finish_reason = "cancelled"
            elif self.finish_reason is not None:
                pass  # the text was complete; what was to follow it is lost
            elif characters:
                self.finish_reason = CUT
                self.notes.append(f"the answer was cut off: {error.message}")
            else:
                raise

    def _begun(self) -> Stream:
        """The stream of the answer, after waiting where the server is busy. TinylmError where it stays so."""
        for _ in range(_MOST_TRIES):
            self._stream = stream = self._connection.stream("chat/completions", self._body)
            try:
                stream.begin()
                return stream
            except ServerBusy as busy:
                self._tell(f"the server is busy; asking again in {busy.seconds:.0f} s")
                self._wait(busy.seconds)
        raise TinylmError("the server stays busy", "try again later", exit_code=1)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._cancelled:
                raise TinylmError("stopped while waiting")
            time.sleep(min(left, 0.1))  # a signal handler cannot end a sleep

    def _read(self, chunk: Mapping[str, Any]) -> str:
        """The text of a chunk; what else it says is kept. TinylmError for a chunk that is none."""
        if chunk.get("error"):
            raise TinylmError(f"the server says: {_said(chunk['error'])}")
        if isinstance(chunk.get("usage"), dict):
            self.usage = _usage(chunk["usage"], chunk.get("timings"))
        own = chunk.get("tinylm")
        dropped = own.get("dropped_messages") if isinstance(own, dict) else None
        if isinstance(dropped, int) and dropped > 0:
            self.forgotten = dropped
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        if isinstance(reason := choice.get("finish_reason"), str):
            self.finish_reason = printable(reason)[:40]
        delta = choice.get("delta")
        text = delta.get("content") if isinstance(delta, dict) else None
        # JSON can spell half of a character, which is no text.
        return text.encode(errors="replace").decode() if isinstance(text, str) else ""


def _facts(row: Mapping[str, Any]) -> ModelFacts:
    """A model as `/v1/models` has it; what is missing or of another kind is not known."""
    own = row.get("tinylm")
    own = own if isinstance(own, dict) else {}
    generation = own.get("generation")
    defaults = generation if isinstance(generation, dict) else {}
    parameters, languages, context = own.get("parameters"), own.get("languages"), own.get("context_length")
    details = [f"{parameters:,} parameters"] if _whole(parameters) else []
    if isinstance(languages, list):
        details.append(printable(" ".join(str(language) for language in languages))[:80])
    return ModelFacts(
        name=row["id"],
        details=", ".join(filter(None, details)),
        context_length=context if _whole(context) else None,
        only_continues=own.get("base_model") is True,
        defaults={
            name: defaults[name]
            for name in _DEFAULTS
            if isinstance(defaults.get(name), int | float) and not isinstance(defaults[name], bool)
        },
    )


def _usage(usage: Mapping[str, Any], timings: object) -> Usage:
    """Counts of tokens; how many were cached stands where OpenAI has it, or where tinylm or llama.cpp do."""
    details = usage.get("prompt_tokens_details")
    times = timings if isinstance(timings, dict) else {}
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    places = (cached, times.get("cached_tokens"), times.get("cache_n"))
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(
        prompt_tokens=prompt if _whole(prompt) else None,
        cached_tokens=next((count for count in places if _whole(count)), None),
        completion_tokens=completion if _whole(completion) else None,
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _said(error: object) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return printable(str(message))[:300]
