"""Prompt to tokens (`generate_ids`), and tokens to a stream of text that is safe to print (`TextDecoder`, `StopGate`).

What a stream must get right: a character may be spread over several byte tokens, a stop string over several tokens, and
the sequence may outgrow the context. The pieces of a stream, joined, are exactly the text of all its tokens decoded at
once, up to the first stop string. `tinylm.runtime.completion` puts both together.

Past the context the policy `drop-oldest` holds. With a full cache of C tokens, BOS and the newest tokens, C - C // 2 in
all, are read again as if they were the whole text (where that is one, BOS is left out), and C // 2 + 1 more are
generated before the next time. So a text of any length costs less than one extra read token for every generated one,
and the longest wait between two tokens is C - C // 2 - 1 tokens read in chunks of 16. What is dropped is forgotten by
the model, not by the repetition penalty, the stream, or a stop string that spans the place.

Another thread ends a sequence by setting an event, which is looked at before each token; its reader ends it by leaving
it. The engine is usable afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.contract import TokenEngine
from tinylm.runtime.sampling import Sampler
from tinylm.tokenizer.tokenizer import BOS, EOS, Tokenizer, normalise

if TYPE_CHECKING:
    from threading import Event

Step = Callable[[int, Sampler], tuple[int, float]]
"""Appends a token and chooses the next, with its log-probability, as `TokenEngine.step`."""

MAX_TEXT_CHARACTERS = 100_000
"""The longest prompt: far more than any context holds, and little enough to be encoded at once on a small device."""


def check_text(text: str, *, what: str) -> None:
    """Refuse text of absurd length before anything is done with it; `what` names it in the TinylmError."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TinylmError(
            f"{what} has {len(text)} characters; at most {MAX_TEXT_CHARACTERS} are read",
            "keep its end: the model sees no more of it than its context holds",
        )


def check_tokenizer(tokenizer: Tokenizer, *, vocab_size: int) -> None:
    """TinylmError when the tokenizer is not that of a model with `vocab_size` tokens."""
    if tokenizer.vocab_size != vocab_size:
        raise TinylmError(
            f"the tokenizer has {tokenizer.vocab_size} pieces; the model was made for {vocab_size}",
            "export the bundle again",
        )


def generate_ids(
    engine: TokenEngine,
    ids: Sequence[int],
    sampler: Sampler,
    *,
    max_new_tokens: int,
    stop_at_eos: bool = True,
    cancelled: Event | None = None,
) -> Iterator[int]:
    """Yield up to `max_new_tokens` tokens that follow the prompt `ids` (BOS included, at least one token).

    Starts with an empty cache. EOS ends the sequence and is not yielded, unless `stop_at_eos` is off; setting
    `cancelled` ends it before the next token. Past the context `drop-oldest` holds. TinylmError as in `Engine.prefill`.
    """
    if not ids:
        raise TinylmError("there is no token to start from; a prompt is at least BOS")
    held = fit_prompt(ids, context_length=engine.context_length, max_new_tokens=max_new_tokens)
    engine.truncate(0)
    sampler.observe(ids)
    yield from continue_ids(
        engine, held, sampler, max_new_tokens=max_new_tokens, stop_at_eos=stop_at_eos, cancelled=cancelled
    )


def continue_ids(
    engine: TokenEngine,
    held: list[int],
    sampler: Sampler,
    *,
    max_new_tokens: int,
    stop_at_eos: bool = True,
    cancelled: Event | None = None,
    step: Step | None = None,
) -> Iterator[int]:
    """`generate_ids` for tokens that the engine has read a part of, and that the sampler has seen.

    `held`, which fits the context, begins with what is in the cache, and has at least one token more. It is changed in
    place to stay what the model sees: tokens come at its end, and `drop-oldest` takes them from its beginning. `step`
    is called in place of the engine's own.
    """
    if max_new_tokens < 1:
        raise TinylmError(f"{max_new_tokens} new tokens were asked for; at least 1 is needed")
    step = step or engine.step
    engine.prefill(held[engine.length : -1])
    for _ in range(max_new_tokens):
        if cancelled is not None and cancelled.is_set():
            return
        if engine.length == engine.context_length:
            held[:] = _newest(held, engine.context_length - engine.context_length // 2)
            engine.truncate(0)
            engine.prefill(held[:-1])
        token, _ = step(held[-1], sampler)
        if token == EOS and stop_at_eos:
            return
        held.append(token)
        yield token


def fit_prompt(ids: Sequence[int], *, context_length: int, max_new_tokens: int) -> list[int]:
    """The prompt `ids` as the model will see it: all of it, or BOS and its last tokens when it is too long.

    A cut prompt leaves room for `max_new_tokens`, but takes at least half of the context.
    """
    if len(ids) <= context_length:
        return list(ids)
    return _newest(ids, context_length - min(max_new_tokens, context_length // 2))


def _newest(ids: Sequence[int], count: int) -> list[int]:
    """The last `count` >= 1 tokens of the longer `ids`, the first of them replaced by BOS if `ids` starts with it."""
    start = [BOS] if ids[0] == BOS and count > 1 else []
    return start + list(ids[len(ids) - count + len(start) :])


class Pieces(Protocol):
    """What ids are in text."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`."""
        ...

    def piece(self, token: int) -> str:
        """The piece behind one id; a byte is `<0xE2>`."""
        ...


class TextDecoder:
    """Tokens to text, one by one, never a part of a character.

    A byte-fallback vocabulary spells rare characters as byte tokens (`<0xE2>`). Their text is held back until the
    character is complete, or cannot be completed any more.
    """

    def __init__(self, tokenizer: Pieces, *, after: int = BOS) -> None:
        """`after` is the token before the first one: how a piece reads can depend on whether something precedes it."""
        self._tokenizer = tokenizer
        self._before = after
        self._held: list[int] = []
        self._bytes: list[int] = []

    def push(self, token: int) -> str:
        """The text that became certain with `token`; may be empty."""
        byte = _byte_value(self._tokenizer.piece(token))
        if byte is None:
            # Anything but a byte ends a run of bytes, complete or not.
            self._held.append(token)
            return self.flush()
        self._held.append(token)
        self._bytes.append(byte)
        return self._release(len(self._held) - _unfinished(self._bytes))

    def flush(self) -> str:
        """The text of what is held back; an incomplete character shows as U+FFFD."""
        return self._release(len(self._held))

    def _release(self, count: int) -> str:
        if count == 0:
            return ""
        released, self._held = self._held[:count], self._held[count:]
        self._bytes = self._bytes[len(self._bytes) - len(self._held) :]
        context = self._tokenizer.decode([self._before])
        text = self._tokenizer.decode([self._before, *released])[len(context) :]
        if text:
            self._before = released[-1]
        return text


class StopGate:
    """Lets text through up to the first stop string; holds back what may be the beginning of one."""

    def __init__(self, stop: Sequence[str]) -> None:
        # The model's text is normalised, so a stop string must be too to be found in it.
        self._stops = [normalise(text) for text in stop]
        if not all(self._stops):
            raise TinylmError("a stop string is empty", "leave it out")
        self._held = ""
        self.finish_reason: Literal["stop"] = "stop"
        self.stopped = False
        """A stop string was found; no more text will come."""

    def push(self, text: str) -> str:
        """The text that became certain with `text`; may be empty."""
        held = self._held + text
        # The first stop string to be complete wins, as if the text had come character by character.
        ends = [(start + len(stop), start) for stop in self._stops if (start := held.find(stop)) >= 0]
        if ends:
            self._held, self.stopped = "", True
            return held[: min(ends)[1]]
        keep = max((_overlap(held, stop) for stop in self._stops), default=0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]

    def flush(self) -> str:
        """What is held back, when no more text will come."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`, and not all of it."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)


def _byte_value(piece: str) -> int | None:
    """The byte behind a piece such as `<0xE2>`; None for any other piece."""
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        try:
            return int(piece[3:5], 16)
        except ValueError:
            return None
    return None


def _unfinished(data: Sequence[int]) -> int:
    """How many bytes at the end of `data` may be the beginning of a UTF-8 character that is not complete yet."""
    for count in range(1, min(3, len(data)) + 1):
        lead = data[-count]
        if lead >= 0xC0:
            length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return count if count < length else 0
        if lead < 0x80:
            return 0
    return 0
