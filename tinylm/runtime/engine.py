"""One sequence of a model: token ids in, the next token or logits out, with a KV cache updated in place.

All memory is taken once and stays bound: the key and value buffers are bound as past *and* present, because the
attention operator writes in place only when both are the same memory. A token allocates nothing and binds nothing. A
graph with the capability `sampler` chooses the next token itself; for others numpy does, with the same result.

    with Engine(open_bundle(path)) as engine:            # the short way: a model of its own, one sequence
        engine.prefill(ids[:-1])
        token, logprob = engine.step(ids[-1], sampler)

Several sequences share a model, each with an engine: `tinylm.runtime.model`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import (
    CHUNK_TOKENS,
    Backend,
    Binding,
    Buffer,
    check_room,
    check_token,
    logits_not_finite,
)
from tinylm.runtime.model import Model
from tinylm.runtime.sampling import Sampler

_PAGE_BYTES = 4096
_LIKELIEST = -1.0  # In place of a random number: the cheapest way to choose, also where the choice is not read.


class Engine:
    """One sequence; a `tinylm.runtime.backends.contract.TokenEngine`. Not thread-safe."""

    def __init__(self, source: Model | Bundle, *, threads: int = 1, backend: Backend = "auto") -> None:
        """Take the memory for a sequence of an open model, or of a bundle, whose model is opened with these options.

        TinylmError as in `Model`, and when the model is closed.
        """
        model = source if isinstance(source, Model) else Model(source, threads=threads, backend=backend)
        self._owned_model = None if model is source else model
        config = model.config
        self.context_length = config.context_length
        """The most tokens that the cache holds."""
        self.vocab_size = config.vocab_size
        self.samples = model.samples
        """Whether the graph chooses the next token itself."""
        self._length = 0
        self._ids: list[int] = []
        self._session = model.session

        self._chunk = Buffer((1, CHUNK_TOKENS), "int32")
        # A run reads one of them and writes its choice into the other, which the next run reads: a run must not write
        # what it is reading, and so the choice is where it is needed.
        self._tokens = Buffer((1, 1), "int32"), Buffer((1, 1), "int32")
        self._side = 0
        self._total_length = Buffer((1,), "int32")
        self._logits = Buffer((1, config.vocab_size), "float32")
        self._seen = Buffer((1, config.vocab_size), "uint8")
        self._sampling = Buffer((4,), "float32")
        self._uniform, self._likeliest = Buffer((1,), "float32"), Buffer((1,), "float32")
        self._likeliest.data[0] = _LIKELIEST
        self._logprob = Buffer((1,), "float32")
        cache_shape = (1, config.n_kv_head, config.context_length, config.head_dim)
        self._cache = {
            f"{layer}.{part}": Buffer(cache_shape, model.cache_type)
            for layer in range(config.n_layer)
            for part in ("key", "value")
        }
        self._decode: Binding | None = self._bind(self._tokens[0], self._likeliest, {"logits": self._logits})
        self._choose: list[Binding] = []
        if self.samples:
            for read, written in (self._tokens, reversed(self._tokens)):
                chosen = {"next_token": written, "logprob": self._logprob}
                self._choose.append(self._bind(read, self._uniform, chosen))
        self._prefill: dict[int, Binding] = {}
        self._sampler: Sampler | None = None
        self._changes = 0

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return self._length

    @property
    def ids(self) -> Sequence[int]:
        """The tokens in the cache; to read only."""
        return self._ids

    def prefill(self, ids: Sequence[int]) -> None:
        """Append `ids` to the cache in chunks of at most 16 tokens, without logits.

        TinylmError, with the cache as it was, when an id is not in the vocabulary or the context would overflow.
        """
        check_room(self._length, len(ids), context_length=self.context_length)
        for token in ids:
            check_token(token, vocab_size=self.vocab_size)
        for start in range(0, len(ids), CHUNK_TOKENS):
            width = min(len(ids) - start, CHUNK_TOKENS)
            for place in range(width):
                self._chunk.data[place] = ids[start + place]
            binding = self._prefill.get(width)
            if binding is None:
                # The graph reads the number of tokens off the shape of what is bound.
                binding = self._prefill[width] = self._bind(self._chunk.view((1, width)), self._likeliest, {})
            self._run(binding, width)
            self._ids += ids[start : start + width]

    def logits(self, token: int) -> memoryview[float]:
        """Append `token` and return the logits of what follows it: float32 [vocab_size], valid until the next call.

        TinylmError, with the cache as it was, when the id is not in the vocabulary or the context is full.
        """
        check_room(self._length, 1, context_length=self.context_length)
        check_token(token, vocab_size=self.vocab_size)
        self._tokens[0].data[0] = token
        self._run(self._decode, 1)
        self._ids.append(token)
        return self._logits.data

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; return the token that `sampler` chooses to follow it, and its log-probability in nats.

        The chosen token is not in the cache yet: pass it to the next `step`. Errors as in `logits`, and TinylmError
        when the logits are not finite.
        """
        if not self.samples:
            from tinylm.runtime.numpy_sampling import sample

            return sample(self.logits(token), sampler)
        check_room(self._length, 1, context_length=self.context_length)
        check_token(token, vocab_size=self.vocab_size)
        side, self._side = self._side, 1 - self._side
        self._tokens[side].data[0] = token  # As a rule the graph's own choice, which lies there already.
        if sampler is not self._sampler or sampler.changes != self._changes:
            self._take_over(sampler)
        if sampler.sampling.temperature:
            self._uniform.data[0] = sampler.uniform()
        else:
            self._uniform.data[0] = _LIKELIEST if sampler.sampling.repetition_penalty == 1 else 0.0
        self._run(self._choose[side] if self._choose else None, 1)
        self._ids.append(token)
        chosen, logprob = self._tokens[1 - side].data[0], self._logprob.data[0]
        if logprob != logprob:  # The graph's answer to logits that are not finite is NaN.
            raise logits_not_finite()
        if not 0 <= chosen < self.vocab_size:
            raise TinylmError(
                f"the model chose the token id {chosen}, which is not in its vocabulary of {self.vocab_size}",
                "export the bundle again",
                exit_code=1,
            )
        sampler.count(chosen)
        self._seen.data[chosen] = 1
        self._changes = sampler.changes
        return chosen, logprob

    def cached(self, layer: int, part: Literal["key", "value"]) -> memoryview[Any]:
        """The cache's own memory of a layer, flat [n_kv_head * context_length * head_dim]; valid until it is closed."""
        return self._cache[f"{layer}.{part}"].data

    def fill_cache(self) -> None:
        """Write to all of the cache's memory, so that the system gives it now and not when a text is long enough.

        The cache is empty afterwards.
        """
        self.truncate(0)
        for buffer in self._cache.values():
            for place in range(0, len(buffer.data), _PAGE_BYTES // 4):  # an element has 1 or 4 bytes
                buffer.data[place] = 0

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens; costs nothing."""
        if not 0 <= length <= self._length:
            raise TinylmError(f"cannot truncate to {length} tokens; the cache holds {self._length}")
        self._length = length
        del self._ids[length:]

    def close(self) -> None:
        """Free the cache, and the model when it is this engine's own; the engine cannot be used any more.

        Closing twice is fine.
        """
        if self._owned_model is not None:
            self._owned_model.close()
        self._decode, self._choose = None, []  # bindings keep the buffers alive
        self._prefill, self._cache = {}, {}
        self._length = 0
        self._ids.clear()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _take_over(self, sampler: Sampler) -> None:
        """Give the graph another sampler's settings and history, or those of one that read something meanwhile."""
        sampling = sampler.sampling
        if sampling.temperature == 0:
            settings = (0.0, 0.0, 1.0, sampling.repetition_penalty)
        else:
            top_k = min(sampling.top_k, self.vocab_size)
            settings = (sampling.temperature, float(top_k), sampling.top_p, sampling.repetition_penalty)
        for place, value in enumerate(settings):
            self._sampling.data[place] = value
        self._seen.data[:] = memoryview(sampler.seen)[: self.vocab_size]
        self._sampler, self._changes = sampler, sampler.changes

    def _bind(self, input_ids: Buffer, uniform: Buffer, outputs: dict[str, Buffer]) -> Binding:
        """A binding of everything that the graph has but other outputs; nothing is copied."""
        inputs = {"input_ids": input_ids, "total_length": self._total_length}
        if self.samples:
            inputs |= {"seen": self._seen, "sampling": self._sampling, "uniform": uniform}
        inputs |= {f"past.{name}": buffer for name, buffer in self._cache.items()}
        return self._session.bind(inputs, outputs | {f"present.{name}": buffer for name, buffer in self._cache.items()})

    def _run(self, binding: Binding | None, width: int) -> None:
        if binding is None:
            raise TinylmError("the engine is closed")
        self._total_length.data[0] = self._length + width
        binding.run()
        self._length += width
