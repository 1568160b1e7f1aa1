"""One sequence of a decoder that was exported elsewhere (`tinylm.external_decoder`), to be measured: a `TokenEngine`.

It does what a careful program does with such a graph. What `prefill` is given waits for the next token, so that a
prompt is read in one run. Keys and values of a run are handed to the next as they are, without a copy. Of the logits
only the last row is looked at. It runs on onnxruntime's Python module with the options that need the least memory, and
`tinylm.runtime.logits` chooses tokens, because the graph does not.

    with ExternalEngine(open_decoder(path), threads=1) as engine:
        engine.prefill(ids[:-1])
        token, logprob = engine.step(ids[-1], sampler)
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tinylm.base.errors import TinylmError
from tinylm.external_decoder.description import Decoder
from tinylm.external_decoder.graph import DOCUMENTED
from tinylm.runtime.backends.contract import check_room, check_token
from tinylm.runtime.backends.onnxruntime_session import SOFTWARE, Session, value_of
from tinylm.runtime.libraries import np
from tinylm.runtime.logits import cross_entropy, sample, sample_scored
from tinylm.runtime.sampling import Sampler, ScoredChoice

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HINT = "try the graph with onnxruntime alone, on the inputs of docs/other-models.md"


class ExternalEngine:
    """One sequence, with a session of its own. Not thread-safe."""

    def __init__(self, decoder: Decoder, *, threads: int = 1) -> None:
        """Load the graph of an opened decoder, which was read with bounds; TinylmError when ONNX Runtime refuses it."""
        self._graph = decoder.graph
        self.context_length = decoder.description.context_length
        self.vocab_size = decoder.graph.vocab_size
        self.software = SOFTWARE
        with _hint_for_decoders():
            self._session = Session(decoder.model, threads=threads)
        self._empty = [
            value_of(np.zeros((1, part.n_kv_head, 0, part.head_dim), part.type)) for part in decoder.graph.cache
        ]
        self._past: list[Any] = self._empty
        self._cached = 0  # tokens in `_past`
        self._ids: list[int] = []
        self._proved = not self._empty  # whether a run was seen to put new keys and values behind old ones

    @property
    def length(self) -> int:
        """Tokens in the sequence, those included that wait to be read."""
        return len(self._ids)

    def prefill(self, ids: Sequence[int]) -> None:
        """Append `ids`, which the next run reads.

        TinylmError, with the sequence as it was, when an id is not in the vocabulary or the context would overflow.
        """
        check_room(self.length, len(ids), context_length=self.context_length)
        for token in ids:
            check_token(token, vocab_size=self.vocab_size)
        self._ids += ids

    def logits(self, token: int) -> memoryview[float]:
        """Append `token` and return the logits of what follows it: float32 [vocab_size].

        Errors as in `prefill`, and TinylmError when the graph fails or gives something else than is documented.
        """
        self.prefill([token])
        try:
            row: memoryview[Any] = self._run().data
        except TinylmError:
            self._ids.pop()
            raise
        return row

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; return the token that `sampler` chooses to follow it, and its log-probability in nats.

        Errors as in `logits`, and TinylmError when the logits are not finite.
        """
        row = self.logits(token)
        with _hint_for_decoders():
            return sample(row, sampler)

    def step_scored(self, token: int, sampler: Sampler, *, alternatives: int) -> ScoredChoice:
        """As `step`, with log-probabilities of the model's own distribution, in nats: the choice's, the likeliest ids'.

        Errors as in `step`.
        """
        row = self.logits(token)
        with _hint_for_decoders():
            return sample_scored(row, sampler, alternatives=alternatives)

    def score(self, ids: Sequence[int]) -> list[float]:
        """Append all but the last of `ids`; what each of them costs after the ones before it, in nats, but the first.

        Errors as in `step`.
        """
        for token in ids:
            check_token(token, vocab_size=self.vocab_size)
        return [cross_entropy(self.logits(token), target) for token, target in pairwise(ids)]

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens; a part of the cache is copied, none of it costs nothing."""
        if not 0 <= length <= self.length:
            raise TinylmError(f"cannot truncate to {length} tokens; the sequence has {self.length}")
        del self._ids[length:]
        if length < self._cached:
            kept = (np.ascontiguousarray(value.numpy()[:, :, :length]) for value in self._past)
            self._past = [value_of(part) for part in kept] if length else self._empty
            self._cached = length

    def reusable(self, ids: Sequence[int]) -> int:
        """None: how its graph reads is not known."""
        return 0

    def close(self) -> None:
        """Free cache and graph; the engine cannot be used any more. Closing twice is fine."""
        self._past = self._empty
        self._cached = 0
        self._ids.clear()
        self._session.close()

    def __enter__(self) -> ExternalEngine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> NDArray[np.float32]:
        """Read the tokens that are not in the cache, which without one are all; the last token's logits."""
        cache, total = self._graph.cache, len(self._ids)
        inputs = {name: value_of(array) for name, array in self._arrays(total)}
        inputs |= {part.past: value for part, value in zip(cache, self._past, strict=True)}
        with _hint_for_decoders():
            logits, *present = self._session.run(["logits", *(part.present for part in cache)], inputs)
        row = _last_row(logits, vocab_size=self.vocab_size, type=self._graph.logits_type, tokens=total - self._cached)
        if cache:
            self._prove(present, total)
            self._past, self._cached = present, total
        return row

    def _arrays(self, total: int) -> Iterator[tuple[str, NDArray[Any]]]:
        for name, value in self._graph.inputs.items():
            if name == "input_ids":
                yield name, np.array([self._ids[self._cached :]], value.data_type)
            elif name == "attention_mask":
                yield name, np.ones((1, total), value.data_type)
            elif name == "position_ids":
                yield name, np.arange(self._cached, total, dtype=value.data_type)[None]
            else:  # num_logits_to_keep, of rank 0 or 1
                yield name, np.ones((1,) * len(value.shape or ()), value.data_type)

    def _prove(self, present: list[Any], total: int) -> None:
        """TinylmError unless keys and values are those of all tokens; once it held with some in the cache, it does."""
        if self._proved:
            return
        for part, value in zip(self._graph.cache, present, strict=True):
            expected = [1, part.n_kv_head, total, part.head_dim]
            if value.shape() != expected:
                raise TinylmError(
                    f"the output `{part.present}` is {value.shape()} after {self._cached} cached tokens and"
                    f" {total - self._cached} new ones; {expected} is documented",
                    DOCUMENTED,
                )
        self._proved = self._cached > 0


def _last_row(logits: Any, *, vocab_size: int, type: str, tokens: int) -> NDArray[np.float32]:
    """A copy of the last `vocab_size` numbers of a value, without a copy of the other rows."""
    shape = logits.shape()
    if shape not in ([1, tokens, vocab_size], [1, 1, vocab_size], [1, vocab_size]):
        raise TinylmError(
            f"the output `logits` is {shape} for {tokens} tokens; [1, {tokens}, {vocab_size}] is documented", DOCUMENTED
        )
    nbytes = vocab_size * np.dtype(type).itemsize
    first = logits.data_ptr() + (math.prod(shape) // vocab_size - 1) * nbytes
    row: NDArray[Any] = np.frombuffer(memoryview((ctypes.c_char * nbytes).from_address(first)), type)
    return row.astype(np.float32)


@contextmanager
def _hint_for_decoders() -> Iterator[None]:
    """Errors whose hint does not speak of a bundle."""
    try:
        yield
    except TinylmError as error:
        raise TinylmError(error.message, _HINT, exit_code=error.exit_code) from error
