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
Key = tuple[str, CompletionRequest]
"""The bundle's hash, and everything that decides its answer."""


@dataclass(frozen=True)
class Answer:
    """A finished text."""

    text: str
    logprobs: tuple[TokenLogprob, ...]
    finish_reason: Reason
    usage: Usage

    @property
    def bytes(self) -> int:
        """About what it takes."""
        alternatives = sum(1 + len(one.alternatives) for one in self.logprobs)
        return 500 + 4 * len(self.text) + 8 * self.usage.prompt_tokens + _LOGPROB_BYTES * alternatives


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
        if not _is_determined(key[1]) or key in self._answers or answer.bytes > _MOST_BYTES // 4:
            return
        self._answers[key] = answer
        self._bytes += answer.bytes
        while len(self._answers) > self._most or self._bytes > _MOST_BYTES:
            self._bytes -= self._answers.popitem(last=False)[1].bytes


def _is_determined(request: CompletionRequest) -> bool:
    return request.sampling.seed is not None or request.sampling.temperature == 0
