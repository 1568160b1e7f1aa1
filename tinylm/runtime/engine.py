"""One sequence of a model: token ids in, the next token or logits out, with a KV cache updated in place.

What is asked is checked here; a backend computes it (`tinylm.runtime.backends`).

    with Engine(open_bundle(path)) as engine:            # the short way: a model of its own, one sequence
        engine.prefill(ids[:-1])
        token, logprob = engine.step(ids[-1], sampler)

Several sequences share a model, each with an engine: `tinylm.runtime.model`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import GoldenPrompt, LogitsHash
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend, BackendSequence, check_room, check_token, whole_chunks
from tinylm.runtime.model import Model
from tinylm.runtime.sampling import Sampler, ScoredChoice


class Engine:
    """One sequence; a `tinylm.runtime.backends.contract.TokenEngine`. Not thread-safe."""

    def __init__(self, source: Model | Bundle, *, threads: int = 1, backend: Backend = "auto") -> None:
        """Take the memory for a sequence of an open model, or of a bundle, whose model is opened with these options.

        TinylmError as in `Model`, and when the model is closed.
        """
        model = source if isinstance(source, Model) else Model(source, threads=threads, backend=backend)
        self._owned_model = None if model is source else model
        self.context_length = model.config.context_length
        """The most tokens that the cache holds."""
        self.vocab_size = model.config.vocab_size
        self.software = model.backend.software
        """What computes, as `native avx2` or `onnxruntime 1.31.1`."""
        self._sequence: BackendSequence | None = model.backend.sequence()
        self._ids: list[int] = []
        self._in_chunks = 0  # So many of them, from the first on, were read in whole chunks.

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return len(self._ids)

    @property
    def ids(self) -> Sequence[int]:
        """The tokens in the cache; to read only."""
        return self._ids

    def prefill(self, ids: Sequence[int]) -> None:
        """Append `ids` to the cache in chunks of at most 16 tokens, without logits.

        TinylmError, with the cache as it was, when an id is not in the vocabulary or the context would overflow.
        """
        check_room(len(self._ids), len(ids), context_length=self.context_length)
        for token in ids:
            check_token(token, vocab_size=self.vocab_size)
        self._opened().prefill(ids)
        if self._in_chunks == len(self._ids):
            self._in_chunks += whole_chunks(len(ids))
        self._ids += ids

    def logits(self, token: int) -> memoryview[float]:
        """Append `token` and return the logits of what follows it: float32 [vocab_size], valid until the next call.

        TinylmError, with the cache as it was, when the id is not in the vocabulary or the context is full.
        """
        check_room(len(self._ids), 1, context_length=self.context_length)
        check_token(token, vocab_size=self.vocab_size)
        logits = self._opened().logits(token)
        self._ids.append(token)
        return logits

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; return the token that `sampler` chooses to follow it, and its log-probability in nats.

        The chosen token is not in the cache yet: pass it to the next `step`. Errors as in `logits`, and TinylmError
        when the logits are not finite.
        """
        check_room(len(self._ids), 1, context_length=self.context_length)
        check_token(token, vocab_size=self.vocab_size)
        chosen = self._opened().step(token, sampler)
        self._ids.append(token)
        return chosen

    def step_scored(self, token: int, sampler: Sampler, *, alternatives: int) -> ScoredChoice:
        """As `step`, with what the model itself makes of its choice: its log-probability, and the likeliest tokens.

        The log-probabilities are in nats and of the softmax of all logits, before temperature, top-k, top-p and the
        penalty (those of `step` come after them). The `alternatives` likeliest (id, log-probability) stand by falling
        logit, of equals the lower id first; PAD, BOS and UNK, which are never chosen, count in the softmax but are not
        among them. Errors as in `step`, and TinylmError for less than 0 or more than `vocab_size` alternatives.
        """
        check_room(len(self._ids), 1, context_length=self.context_length)
        check_token(token, vocab_size=self.vocab_size)
        if not 0 <= alternatives <= self.vocab_size:
            raise TinylmError(f"`alternatives` is {alternatives}; 0 to {self.vocab_size} is needed")
        chosen = self._opened().step_scored(token, sampler, alternatives=alternatives)
        self._ids.append(token)
        return chosen

    def score(self, ids: Sequence[int]) -> list[float]:
        """Append all but the last of `ids`; what each of them costs after the ones before it, in nats, but the first.

        Errors as in `step`; logits that are not finite leave an empty cache.
        """
        check_room(len(self._ids), len(ids) - 1, context_length=self.context_length)
        for token in ids:
            check_token(token, vocab_size=self.vocab_size)
        before, self._ids = self._ids, []
        chunks, self._in_chunks = self._in_chunks, 0
        nats = self._opened().score(ids)
        self._ids, self._in_chunks = [*before, *ids[:-1]], chunks
        return nats

    def logits_hash(self, prompts: Sequence[GoldenPrompt]) -> LogitsHash | None:
        """The hash of all logits over golden prompts; None where another machine would have other bits.

        The cache is empty afterwards.
        """
        self.truncate(0)
        return self._opened().logits_hash(prompts)

    def fill_cache(self) -> None:
        """Write to all of the cache's memory, so that the system gives it now and not when a text is long enough.

        The cache is empty afterwards.
        """
        self.truncate(0)
        self._opened().fill_cache()

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens.

        It costs nothing, unless a sliding window has passed what is needed again: then these tokens are read once more.
        """
        if not 0 <= length <= len(self._ids):
            raise TinylmError(f"cannot truncate to {length} tokens; the cache holds {len(self._ids)}")
        kept = self._ids[:length]
        self._opened().truncate(kept)
        self._ids = kept
        self._in_chunks = min(self._in_chunks, whole_chunks(length))

    def reusable(self, ids: Sequence[int]) -> int:
        """How many tokens of the cache `ids` begins with that need not be read again for the very same bits.

        int8 activations share one scale per chunk of 16 tokens. So only whole chunks that were read as such count: what
        was decoded one by one, or read in a shorter chunk, would differ within int8 noise, and a text would depend on
        what was written before it.
        """
        most = min(self._in_chunks, len(ids))
        common = next((place for place in range(most) if self._ids[place] != ids[place]), most)
        return whole_chunks(common)

    def close(self) -> None:
        """Free the cache, and the model when it is this engine's own; the engine cannot be used any more.

        Closing twice is fine.
        """
        if self._owned_model is not None:
            self._owned_model.close()
        self._sequence = None
        self._ids = []

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _opened(self) -> BackendSequence:
        if self._sequence is None:
            raise TinylmError("the engine is closed")
        return self._sequence
