"""What was written, as OpenAI's JSON: whole answers, and the chunks of a stream; names in the order that it has.

A `Form` is one of the two endpoints. It makes dictionaries and knows nothing of HTTP.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tinylm.serve.api.requests import Asked
from tinylm.serve.api.token_texts import ShownToken, chat_logprobs, completion_logprobs
from tinylm.tokenizer.tokenizer import Tokenizer

FINISH_REASONS = {"timeout": "length"}
"""Ours that clients would not know; `timings` tells them apart."""


@dataclass
class Written:
    """One choice so far."""

    text: str = ""
    tokens: list[ShownToken] = field(default_factory=list)
    """Their log-probabilities, where these were asked for."""
    finish_reason: str | None = None

    @property
    def shown_reason(self) -> str | None:
        return FINISH_REASONS.get(self.finish_reason or "", self.finish_reason)


class Form(ABC):
    """How one endpoint writes an answer."""

    prefix: str
    whole_object: str
    chunk_object: str

    def __init__(self, asked: Asked, *, request_id: str) -> None:
        self._id = f"{self.prefix}-{request_id}"
        self._created = int(time.time())
        self._model = asked.model.name
        self._fingerprint = f"tinylm-{asked.model.bundle.manifest_sha256[:12]}"
        self._tokenizer: Tokenizer = asked.model.tokenizer
        self._logprobs = asked.choices[0].logprobs is not None
        self._usage_in_chunks = asked.include_usage

    def whole(self, choices: Sequence[Written], usage: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
        """The one answer to a request that does not stream; `more` is what OpenAI does not have."""
        return {
            "id": self._id,
            "object": self.whole_object,
            "created": self._created,
            "model": self._model,
            "choices": [self._choice(i, written) for i, written in enumerate(choices)],
            "usage": usage,
            "system_fingerprint": self._fingerprint,
            **more,
        }

    def chunk(self, choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A piece of a stream."""
        return {
            "id": self._id,
            "object": self.chunk_object,
            "created": self._created,
            "model": self._model,
            "system_fingerprint": self._fingerprint,
            "choices": choices,
        } | ({"usage": None} if self._usage_in_chunks else {})

    def shown_logprobs(self, tokens: list[ShownToken]) -> dict[str, Any] | None:
        return self._token_form(tokens, self._tokenizer) if self._logprobs else None

    @staticmethod
    @abstractmethod
    def _token_form(shown: list[ShownToken], tokenizer: Tokenizer) -> dict[str, Any]: ...
    @abstractmethod
    def _choice(self, index: int, written: Written) -> dict[str, Any]: ...
    @abstractmethod
    def first(self, index: int) -> dict[str, Any] | None:
        """The choice in a chunk before any text; None where there is no such chunk."""
        ...

    @abstractmethod
    def piece(self, index: int, text: str, tokens: list[ShownToken]) -> dict[str, Any]:
        """The choice in a chunk with text."""
        ...

    @abstractmethod
    def last(self, index: int, reason: str | None) -> dict[str, Any]:
        """The choice in its last chunk."""
        ...


class CompletionForm(Form):
    """/v1/completions."""

    prefix, whole_object, chunk_object = "cmpl", "text_completion", "text_completion"
    _token_form = staticmethod(completion_logprobs)

    def _choice(self, index: int, written: Written) -> dict[str, Any]:
        return {
            "text": written.text,
            "index": index,
            "logprobs": self.shown_logprobs(written.tokens),
            "finish_reason": written.shown_reason,
        }

    def first(self, index: int) -> None:
        return None

    def piece(self, index: int, text: str, tokens: list[ShownToken]) -> dict[str, Any]:
        return {"text": text, "index": index, "logprobs": self.shown_logprobs(tokens), "finish_reason": None}

    def last(self, index: int, reason: str | None) -> dict[str, Any]:
        return {"text": "", "index": index, "logprobs": None, "finish_reason": reason}


class ChatForm(Form):
    """/v1/chat/completions."""

    prefix, whole_object, chunk_object = "chatcmpl", "chat.completion", "chat.completion.chunk"
    _token_form = staticmethod(chat_logprobs)

    def _choice(self, index: int, written: Written) -> dict[str, Any]:
        return {
            "index": index,
            "message": {"role": "assistant", "content": written.text, "refusal": None},
            "logprobs": self.shown_logprobs(written.tokens),
            "finish_reason": written.shown_reason,
        }

    def first(self, index: int) -> dict[str, Any]:
        delta = {"role": "assistant", "content": "", "refusal": None}
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}

    def piece(self, index: int, text: str, tokens: list[ShownToken]) -> dict[str, Any]:
        return {
            "index": index,
            "delta": {"content": text},
            "logprobs": self.shown_logprobs(tokens),
            "finish_reason": None,
        }

    def last(self, index: int, reason: str | None) -> dict[str, Any]:
        return {"index": index, "delta": {}, "logprobs": None, "finish_reason": reason}


class GenerateForm(CompletionForm):
    """/generate: the text, and how it ended."""

    def whole(self, choices: Sequence[Written], usage: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
        return {"text": choices[0].text, "finish_reason": choices[0].shown_reason, "usage": usage}


FORMS: dict[str, type[Form]] = {"completions": CompletionForm, "chat": ChatForm, "generate": GenerateForm}
