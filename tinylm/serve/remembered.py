"""Answers that were given before, for a request that comes again and whose answer is determined.

With a seed, or at temperature 0, the same request to the same bundle has the same answer, so it need not be computed
again. A bounded number is kept, of bounded size, the least recently used go.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tinylm.runtime.completion import CompletionRequest, TokenLogprob
from tinylm.serve.scheduler import Reason, Usage

_MOST_BYTES = 1_000_000
_LOGPROB_BYTES = 200
_ID_BYTES = 40
"""A token id in a tuple: the number and its place."""
Key = tuple[str, CompletionRequest]
"""The bundle's hash, and everything that decides its answer."""


@dataclass(frozen=True)
class Answer:
    """A finished text."""

    text: str
    logprobs: tuple[TokenLogprob, ...]
    finish_reason: Reason
    usage: Usage


class RememberedAnswers:
    """At most `most` answers; 0 remembers nothing."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> Answer | None:
        """The answer to the same request, if its answer is determined and kept."""
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        return None

    def put(self, key: Key, answer: Answer) -> None:
        """Keep a finished answer, unless another would be as good."""
        size = _size(key[1], answer)
        if not _is_determined(key[1]) or key in self._answers or size > _MOST_BYTES // 4:
            return
        self._answers[key] = answer
        self._bytes += size
        while len(self._answers) > self._most or self._bytes > _MOST_BYTES:
            (_, request), gone = self._answers.popitem(last=False)
            self._bytes -= _size(request, gone)


def _size(request: CompletionRequest, answer: Answer) -> int:
    """About the bytes that both take; a character can take four."""
    characters = len(answer.text) + sum(map(len, request.stop))
    numbers = sum(1 + len(one.alternatives) for one in answer.logprobs)
    return 500 + 4 * characters + _ID_BYTES * len(request.prompt_ids) + _LOGPROB_BYTES * numbers


def _is_determined(request: CompletionRequest) -> bool:
    return request.sampling.seed is not None or request.sampling.temperature == 0
