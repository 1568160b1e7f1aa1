"""The orders' requests as a server is asked them: what a probe in the same process does, over HTTP.

    requests = ServedRequests(Client(port), candidate, orders)
    requests.do(0).text

A server remembers answers for who asks the same again, so no two requests of a process have the same seed. And what it
has read of a prompt it need not read again while it is in a cache; so a prompt comes again only when all others have
come, and what is asked beside the counted requests has its tokens in another order.
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
"""Added to a seed whose text the content filter ends: as much work without the end is asked for instead."""
_MOST_SEEDS = 5
_NO_FEWER = 4
"""A text with so many tokens too many does not get fewer by more letters."""


def _nothing() -> None:
    return


class ServedRequests:
    """Requests of exactly `prompt_tokens` in and `new_tokens` out, with the bundle's own sampling."""

    def __init__(self, client: Client, candidate: BundleCandidate, orders: ProbeOrders) -> None:
        self._client, self._orders, self._tokenizer = client, orders, candidate.tokenizer
        self._ids = [candidate.prompt_ids(place)[: orders.prompt_tokens] for place in range(len(candidate.prompts))]
        self._prompts = list(map(self._prompt, candidate.prompts, self._ids))

    def do(
        self, number: int, *, at_start: Callable[[], None] = _nothing, at_first: Callable[[], None] = _nothing
    ) -> Answer:
        """Do the request with this number; RuntimeError when what comes back is not what was ordered.

        `at_start` is called before it, and `at_first` when its first text is there; both again when the content filter
        ended the text, which is then asked for with another order of the prompt's tokens, and another seed.
        """
        for attempt in range(_MOST_SEEDS):
            body = self._body(number, attempt)
            at_start()
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

    def _body(self, number: int, attempt: int) -> dict[str, Any]:
        """Exactly `prompt_tokens` in and `new_tokens` out, with the bundle's own sampling."""
        place, turns = number % len(self._ids), attempt + (_MOST_SEEDS if number >= WARMING else 0)
        return {
            "prompt": self._turned(self._ids[place], turns) if turns else self._prompts[place],
            "max_tokens": self._orders.new_tokens,
            "ignore_eos": True,
            "seed": number + attempt * _OTHER_SEED,
        }

    def _turned(self, ids: list[int], turns: int) -> str | list[int]:
        """A prompt of the same tokens, the first `turns` behind BOS at the end."""
        bos, *others = ids
        turned = [bos, *others[turns:], *others[:turns]]
        return self._prompt(self._tokenizer.decode(turned), turned)

    def _prompt(self, text: str, ids: list[int]) -> str | list[int]:
        """The text, cut to the length of `ids`, so that the server's time holds its encoding.

        The ids where it cannot be cut so, because a token spans the place.
        """
        cut = cut_text(self._tokenizer, text, ids[1:])
        return ids if cut is None else cut


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
