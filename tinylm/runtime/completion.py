"""One text that is being written after a prompt: a step at a time, so that several can take turns.

    completion = Completion(engine, tokenizer, CompletionRequest(prompt_ids=ids, sampling=sampling, max_tokens=40))
    for text in completion:                  # one item for each piece of work; often ""
        print(text, end="", flush=True)
    completion.finish_reason                 # "stop"

`generate` is the short way, from text to text.

What the engine has in its cache from the completion before is reused where that changes no bit (`Engine.reusable`): so
a prompt that begins like the one before, such as a conversation with one more turn, is read from there on, and the same
request and seed give the same text whatever came before. The certified request of a budget check reuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Literal, Protocol

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.contract import CHUNK_TOKENS, TokenEngine
from tinylm.runtime.generation import (
    StopGate,
    TextDecoder,
    check_text,
    check_tokenizer,
    continue_ids,
    fit_prompt,
)
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer

FinishReason = Literal["stop", "length", "content_filter", "cancelled"]
"""Why a text ended: at EOS or a stop string; at `max_tokens`; before something that must not be said; by `cancel`."""


class TextGate(Protocol):
    """What lets a stream of text through, holds back what is not certain yet, and may end it."""

    @property
    def finish_reason(self) -> FinishReason:
        """Why a text ends that it stops."""
        ...

    @property
    def stopped(self) -> bool:
        """No more text will come."""
        ...

    def push(self, text: str) -> str:
        """The text that became certain with `text`; may be empty."""
        ...

    def flush(self) -> str:
        """What is held back, when no more text will come."""
        ...


@dataclass(frozen=True, kw_only=True)
class TokenLogprob:
    """A chosen token under the model's own distribution: before temperature, top-k, top-p and penalty."""

    token: int
    logprob: float
    """Nats."""
    alternatives: tuple[tuple[int, float], ...]
    """The likeliest tokens, the likeliest first, with theirs."""


@dataclass(frozen=True, kw_only=True)
class CompletionRequest:
    """What is to be written."""

    prompt_ids: tuple[int, ...]
    """The prompt, BOS first; one that is longer than the context is cut (`fit_prompt`)."""
    sampling: Sampling
    max_tokens: int
    """At least 1."""
    stop: tuple[str, ...] = ()
    """The text ends before the first of them."""
    stop_at_eos: bool = True
    logprobs: int | None = None
    """How many alternatives to record for each token, from 0; None records nothing."""


class Completion:
    """One text being written on an engine, to be iterated once; not thread-safe, but for `cancel`."""

    def __init__(
        self,
        engine: TokenEngine,
        tokenizer: Tokenizer,
        request: CompletionRequest,
        *,
        gates: Sequence[TextGate] = (),
        cancelled: Event | None = None,
    ) -> None:
        """`gates` see the text after the stop strings, in their order; setting `cancelled` is `cancel`.

        TinylmError when there is no token to start from, a stop string is empty, or the tokenizer is not the model's.
        """
        if not request.prompt_ids:
            raise TinylmError("there is no token to start from; a prompt is at least BOS")
        check_tokenizer(tokenizer, vocab_size=engine.vocab_size)
        self._engine, self._tokenizer, self._request = engine, tokenizer, request
        self._gates: list[TextGate] = [*([StopGate(request.stop)] if request.stop else []), *gates]
        self._cancelled = cancelled or Event()
        self.finish_reason: FinishReason | None = None
        """None until the text has ended."""
        self.prompt_tokens = len(request.prompt_ids)
        self.cached_tokens = 0
        """Of the prompt, those that did not have to be read."""
        self.completion_tokens = 0
        self.logprobs: list[TokenLogprob] = []
        """Of the tokens so far, where they were asked for."""

    def cancel(self) -> None:
        """End before the next token; from any thread."""
        self._cancelled.set()

    def __iter__(self) -> Iterator[str]:
        """Yield the text that became certain with each piece of work: a chunk of the prompt read, or a token.

        TinylmError as in `TokenEngine.prefill` and `step`.
        """
        engine, request = self._engine, self._request
        sampler = Sampler(request.sampling)
        sampler.observe(request.prompt_ids)
        held = fit_prompt(request.prompt_ids, context_length=engine.context_length, max_new_tokens=request.max_tokens)
        self.cached_tokens = engine.reusable(held[:-1])
        engine.truncate(self.cached_tokens)
        while engine.length < len(held) - 1:
            if self._cancelled.is_set():
                self.finish_reason = "cancelled"
                return
            engine.prefill(held[engine.length : min(engine.length + CHUNK_TOKENS, len(held) - 1)])
            yield ""
        decoder = TextDecoder(self._tokenizer, after=held[-1])
        tokens = continue_ids(
            engine,
            held,
            sampler,
            max_new_tokens=request.max_tokens,
            stop_at_eos=request.stop_at_eos,
            cancelled=self._cancelled,
            step=None if request.logprobs is None else self._scored_step,
        )
        for token in tokens:
            self.completion_tokens += 1
            yield self._let_through(decoder.push(token))
            if self.finish_reason is not None:
                return
        # Half a character, and what gates held back: both are certain now, or make a gate stop.
        rest = self._let_through(decoder.flush(), last=True)
        if self.finish_reason is None:
            at_limit = self.completion_tokens == request.max_tokens
            self.finish_reason = "cancelled" if self._cancelled.is_set() else "length" if at_limit else "stop"
        if rest:
            yield rest

    def _let_through(self, text: str, *, last: bool = False) -> str:
        """What the gates let through of the next text, each seeing what the one before it gave."""
        for gate in self._gates:
            text = gate.push(text)
            if last and not gate.stopped:
                text += gate.flush()
            if gate.stopped:  # before where an earlier gate did
                self.finish_reason, last = gate.finish_reason, True
        return text

    def _scored_step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        chosen, logprob, alternatives = self._engine.step_scored(
            token, sampler, alternatives=self._request.logprobs or 0
        )
        self.logprobs.append(TokenLogprob(token=chosen, logprob=logprob, alternatives=tuple(alternatives)))
        return chosen, logprob


def generate(
    engine: TokenEngine,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    sampling: Sampling,
    max_tokens: int,
    stop: Sequence[str] = (),
    gates: Sequence[TextGate] = (),
    cancelled: Event | None = None,
) -> Iterator[str]:
    """Yield what the model writes after `prompt`, in pieces as they become certain; the prompt is not repeated.

    Ends at EOS, after `max_tokens` tokens, before the first of the `stop` strings, where one of the `gates` stops, or
    at the first token after `cancelled` was set, by any thread; what is held back then comes as at any end. An empty
    prompt is BOS alone. Characters that the tokenizer does not know become UNK in the prompt (`tokenizer.unknown_bytes`
    counts them), and a prompt longer than the context is cut (`fit_prompt`); whether to warn is up to the caller.
    TinylmError when an argument is out of range, the prompt is longer than `MAX_TEXT_CHARACTERS`, or the tokenizer is
    not the model's.
    """
    check_text(prompt, what="the prompt")
    ids = (BOS, *tokenizer.encode(prompt))
    request = CompletionRequest(prompt_ids=ids, sampling=sampling, max_tokens=max_tokens, stop=tuple(stop))
    yield from filter(None, Completion(engine, tokenizer, request, gates=gates, cancelled=cancelled))
