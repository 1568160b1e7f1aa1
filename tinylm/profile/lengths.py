"""Which prompt lengths to time, and with how many new tokens: 16, 32, 64, ... up to what the context holds."""

from __future__ import annotations

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.contract import CHUNK_TOKENS

SHORTEST_TOKENS = 16
DEFAULT_NEW_TOKENS = 20
LEAST_NEW_TOKENS = 2
"""One token has no time between tokens."""


def choose_new_tokens(context_length: int, wanted: int | None) -> int:
    """New tokens of each request: those wanted, or 20, or as many as leave room for the shortest prompt.

    TinylmError when those wanted leave no room for a prompt, or are too few to time.
    """
    if wanted is None:
        room = context_length - SHORTEST_TOKENS
        return min(DEFAULT_NEW_TOKENS, room) if room >= LEAST_NEW_TOKENS else max(context_length - 1, LEAST_NEW_TOKENS)
    if wanted < LEAST_NEW_TOKENS:
        raise TinylmError(
            f"{wanted} new tokens were asked for; at least {LEAST_NEW_TOKENS} have a time between them",
            "leave `--new-tokens` out, or raise it",
        )
    if wanted >= context_length:
        raise TinylmError(
            f"{wanted} new tokens leave no room for a prompt in the bundle's context of {context_length}",
            f"at most `--new-tokens {context_length - 1}`",
        )
    return wanted


def prompt_lengths(context_length: int, new_tokens: int) -> tuple[int, ...]:
    """16 and its doublings below the longest prompt that fits, and that; the longest alone when it is below 16."""
    longest = context_length - new_tokens
    lengths, length = [], SHORTEST_TOKENS
    while length < longest:
        lengths.append(length)
        length *= 2
    return (*lengths, longest)


def traced_prompt_tokens(context_length: int, new_tokens: int) -> int:
    """The prompt whose operators are timed: one full chunk and the token before the first new one, if that fits."""
    return min(CHUNK_TOKENS + 1, context_length - new_tokens)
