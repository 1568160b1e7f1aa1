"""Log-probabilities as clients see them: each token with its text, and never a token whose text is not out yet.

What a stop string or the content filter holds back, or takes away, must not come out as a list of tokens. So a token
is released when all of its text is out; one without text (a byte of a character to come, EOS) with the next that has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tinylm.runtime.completion import TokenLogprob
from tinylm.runtime.generation import TextDecoder
from tinylm.serve.served_model import ServedModel
from tinylm.tokenizer.tokenizer import Tokenizer

_LEAST_LOGPROB = -9999.0  # what OpenAI writes for minus infinity, which is no JSON


@dataclass(frozen=True)
class ShownToken:
    """A token and where its text stands."""

    offset: int
    """Characters of the answer before it."""
    end: int
    """Characters of the answer with it."""
    logprob: TokenLogprob


class TokenTexts:
    """The tokens of one answer, in order."""

    def __init__(self, model: ServedModel, *, after: int) -> None:
        """`after` is the last token of the prompt: how a piece reads depends on whether something precedes it."""
        self._decoder = TextDecoder(model.tokenizer, after=after)
        self._model = model
        self._refused: dict[int, bool] = {}
        self._decoded = 0
        self._waiting: list[ShownToken] = []
        self._shown = 0

    def push(self, logprobs: Iterable[TokenLogprob], text: str) -> list[ShownToken]:
        """The tokens whose text is out with `text`."""
        for one in logprobs:
            allowed = tuple(pair for pair in one.alternatives if not self._is_refused(pair[0]))
            start, self._decoded = self._decoded, self._decoded + len(self._decoder.push(one.token))
            self._waiting.append(ShownToken(start, self._decoded, replace(one, alternatives=allowed)))
        self._shown += len(text)
        out = [place for place, one in enumerate(self._waiting, 1) if one.offset < one.end <= self._shown]
        count = out[-1] if out else 0
        released, self._waiting = self._waiting[:count], self._waiting[count:]
        return released

    def _is_refused(self, token: int) -> bool:
        """Would the content filter refuse it alone? Then it is no alternative to show."""
        content_filter = self._model.content_filter
        if token not in self._refused and content_filter is not None:
            self._refused[token] = content_filter.find(token_text(self._model.tokenizer, token)) is not None
        return self._refused.get(token, False)


def completion_logprobs(shown: list[ShownToken], tokenizer: Tokenizer) -> dict[str, Any]:
    """The form of /v1/completions: four lists, and the chosen token among its alternatives."""
    return {
        "tokens": [token_text(tokenizer, one.logprob.token) for one in shown],
        "token_logprobs": [_finite(one.logprob.logprob) for one in shown],
        "top_logprobs": [
            {
                token_text(tokenizer, token): _finite(value)
                for token, value in ((one.logprob.token, one.logprob.logprob), *one.logprob.alternatives)
            }
            for one in shown
        ],
        "text_offset": [one.offset for one in shown],
    }


def chat_logprobs(shown: list[ShownToken], tokenizer: Tokenizer) -> dict[str, Any]:
    """The form of /v1/chat/completions: an entry a token, with its bytes."""
    return {
        "content": [
            _entry(tokenizer, one.logprob.token, one.logprob.logprob)
            | {"top_logprobs": [_entry(tokenizer, token, value) for token, value in one.logprob.alternatives]}
            for one in shown
        ],
        "refusal": None,
    }


def token_text(tokenizer: Tokenizer, token: int) -> str:
    """A token alone, as OpenAI writes it: a byte that is no character is `bytes:\\xe2`."""
    byte = _byte(tokenizer, token)
    if byte is None:
        return tokenizer.piece(token).replace("\u2581", " ")
    return chr(byte) if byte < 0x80 else f"bytes:\\x{byte:02x}"


def _entry(tokenizer: Tokenizer, token: int, logprob: float) -> dict[str, Any]:
    text, byte = token_text(tokenizer, token), _byte(tokenizer, token)
    return {"token": text, "logprob": _finite(logprob), "bytes": list(text.encode()) if byte is None else [byte]}


def _byte(tokenizer: Tokenizer, token: int) -> int | None:
    return int(tokenizer.piece(token)[3:5], 16) if tokenizer.is_byte(token) else None


def _finite(logprob: float) -> float:
    return max(logprob, _LEAST_LOGPROB)
