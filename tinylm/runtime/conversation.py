"""A text that a user and the model write in turns: only what is new is read.

    conversation = Conversation(engine, tokenizer, sampling=Sampling(temperature=0.8))
    for piece in conversation.say("Once upon a time", max_tokens=40, stop=["\\n"]):
        print(piece, end="", flush=True)
    for piece in conversation.say(" And then?", max_tokens=40):
        ...

The engine's cache stays between turns. A turn reads only the tokens after the longest common beginning of what was
read and what is to be read. A cache that another user of the engine changed in between is not reused: else a text would
depend on what was written before it.

The conversation holds what was said and what was shown. When a turn ends at a stop string, is cancelled, or is left
early, tokens that were computed but not shown do not count.

When it outgrows the context, `drop-oldest` holds (`tinylm.runtime.generation`): BOS and the newer half of what the
model still sees are read again, and the next turns reuse that.

The same turns, seed and device give the same text. A reused cache is not to the last bit what reading the whole text at
once gives: int8 activations share one scale per run of the graph, so decoding one by one and reading in chunks of 16
differ within int8 noise. The certified request therefore never reuses a cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import check_text, check_tokenizer, continue_ids, fit_prompt, stream_text
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer

if TYPE_CHECKING:
    from threading import Event


class Conversation:
    """One conversation on one engine; not thread-safe. After another use of the engine all of it is read again."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer, *, sampling: Sampling) -> None:
        """Begin with BOS alone. TinylmError when the tokenizer is not the model's."""
        check_tokenizer(tokenizer, vocab_size=engine.vocab_size)
        self._engine = engine
        self._tokenizer = tokenizer
        self._sampler = Sampler(sampling)
        self._sampler.observe([BOS])
        self._ids = [BOS]
        self._read: list[int] = []  # What the cache held after the last turn.

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens that the model sees: BOS and the newest of what was said and shown."""
        return tuple(self._ids)

    def say(
        self, text: str, *, max_tokens: int, stop: Sequence[str] = (), cancelled: Event | None = None
    ) -> Iterator[str]:
        """Append `text`, which may be empty, and yield what the model writes after it, as `generate` does.

        TinylmError as there; the conversation's text is then as it was before.
        """
        check_text(text, what="what is said")
        said = self._tokenizer.encode(text)
        context = self._engine.context_length
        # Room for half of the context, whatever `max_tokens` is: else short turns would each read nearly all again.
        held = fit_prompt([*self._ids, *said], context_length=context, max_new_tokens=context)
        mine = self._read == self._engine.ids
        self._engine.truncate(_common(self._read, held[:-1]) if mine else 0)
        self._sampler.observe(said)
        after, new, shown = held[-1], list[int](), ""

        def tokens() -> Iterator[int]:
            stream = continue_ids(self._engine, held, self._sampler, max_new_tokens=max_tokens, cancelled=cancelled)
            for token in stream:
                new.append(token)
                yield token

        # Closing the stream ends the turn like a stop string.
        with suppress(GeneratorExit):
            for piece in stream_text(tokens(), self._tokenizer, after=after, stop=stop):
                shown += piece
                yield piece
        self._read = list(self._engine.ids)
        self._ids = self._with_what_was_shown(held, new, after=after, shown=shown)

    def _with_what_was_shown(self, held: list[int], new: list[int], *, after: int, shown: str) -> list[int]:
        """`held`, whose last tokens are `new`, with the tokens of the text `shown` instead of all of them."""
        before = len(self._tokenizer.decode([after]))
        for count in range(len(new), -1, -1):
            text = self._tokenizer.decode([after, *new[:count]])[before:]
            # Half a character was shown as U+FFFD: its bytes must not become a whole one with what comes next.
            if shown.startswith(text) and not text.endswith("\ufffd"):
                break
        # What was not shown can be more than what is held, when `drop-oldest` came in between; BOS stays.
        kept = max(len(held) - (len(new) - count), 1)
        return [*held[:kept], *self._tokenizer.encode(shown[len(text) :])]


def _common(read: Sequence[int], wanted: Sequence[int]) -> int:
    """The length of the longest common beginning."""
    count = 0
    for here, there in zip(read, wanted, strict=False):
        if here != there:
            break
        count += 1
    return count
