"""The orders' requests as a server is asked them: what a probe in the same process does, over HTTP.

    requests = ServedRequests(Client(port), candidate, orders)
    requests.do(0).text

A server remembers answers for who asks the same again, so no two requests of a process have the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinylm.runtime.measurement.candidate import BundleCandidate
from tinylm.runtime.measurement.protocol import ProbeOrders
from tinylm.serve.measurement.client import FILTERED, Answer, Client
from tinylm.tokenizer.tokenizer import Tokenizer

WARMING = 1 << 40
"""Added to the number of a request that is not counted: its seed is no counted one's."""
_OTHER_SEED = 1 << 32
"""Added to a seed whose text the content filter ends: the same work without the end is asked for instead."""
_MOST_SEEDS = 5
_NO_FEWER = 4
"""A text with so many tokens too many does not get fewer by more letters."""


def _nothing() -> None:
    return


class ServedRequests:
    """Requests of exactly `prompt_tokens` in and `new_tokens` out, with the bundle's own sampling."""

    def __init__(self, client: Client, candidate: BundleCandidate, orders: ProbeOrders) -> None:
        self._client, self._orders = client, orders
        self._bodies = _bodies(candidate, orders)

    def do(
        self, number: int, *, at_start: Callable[[], None] = _nothing, at_first: Callable[[], None] = _nothing
    ) -> Answer:
        """Do the request with this number; RuntimeError when what comes back is not what was ordered.

        `at_start` is called before it, and `at_first` when its first text is there; both again when the content filter
        ended the text, which is then asked for with another seed.
        """
        for attempt in range(_MOST_SEEDS):
            at_start()
            body = {**self._bodies[number % len(self._bodies)], "seed": number + attempt * _OTHER_SEED}
            answer = self._client.complete(body, at_first=at_first)
            if answer.finish_reason != FILTERED:
                break
        came = (answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens)
        if came != (self._orders.prompt_tokens, self._orders.new_tokens, 0):
            raise RuntimeError(
                f"request {number} was of {came[0]} tokens, {came[2]} of them cached, and {came[1]} new ones"
                f" ({answer.finish_reason}); {self._orders.prompt_tokens} and {self._orders.new_tokens} were ordered"
            )
        return answer


def _bodies(candidate: BundleCandidate, orders: ProbeOrders) -> list[dict[str, Any]]:
    """What each prompt of the orders' list is asked with, but for the seed: exactly `prompt_tokens` in and `new_tokens`
    out, with the bundle's own sampling.

    The prompt is a text, cut to length, so that the server's time holds its encoding. One that cannot be cut so,
    because a token spans the place, goes as token ids.
    """
    ids = [candidate.prompt_ids(place)[: orders.prompt_tokens] for place in range(len(candidate.prompts))]
    texts = [cut_text(candidate.tokenizer, text, each[1:]) for text, each in zip(candidate.prompts, ids, strict=True)]
    return [
        {
            "prompt": each if text is None else text,
            "max_tokens": orders.new_tokens,
            "ignore_eos": True,
        }
        for each, text in zip(ids, texts, strict=True)
    ]


def cut_text(tokenizer: Tokenizer, text: str, ids: Sequence[int]) -> str | None:
    """The beginning of `text` that is encoded as `ids`, else the shortest with as many tokens; None where none has."""
    found = None
    for end in range(1, len(text) + 1):
        encoded = tokenizer.encode(text[:end])
        if encoded == list(ids):
            return text[:end]
        if len(encoded) == len(ids) and found is None:
            found = text[:end]
        if len(encoded) > len(ids) + _NO_FEWER:
            break
    return found
