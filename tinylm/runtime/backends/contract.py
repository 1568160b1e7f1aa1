"""What a backend is to the engine, and an engine to generation: the two places where a new one plugs in.

A backend opens a bundle (`BackendModel`) and computes sequences of it (`BackendSequence`). There are two:
`tinylm.runtime.backends.native` is tinylm's own engine, `tinylm.runtime.backends.onnxruntime` runs the bundle's graph
in ONNX Runtime. `tinylm.runtime.backends.opening` chooses.

    with open_backend(bundle, threads=1, backend="auto") as model:
        sequence = model.sequence()
        sequence.prefill(ids[:-1])                       # ids and room are the caller's to check
        token, logprob = sequence.step(ids[-1], sampler)

An engine is one sequence of tokens that a model continues (`TokenEngine`), which is all that generation, scoring and
the probes need. `tinylm.runtime.engine` is one over any backend, `tinylm.runtime.external_engine` a decoder that was
exported elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, Self

from tinylm.base.errors import TinylmError

if TYPE_CHECKING:
    from tinylm.bundle.manifest import GoldenPrompt, LogitsHash
    from tinylm.runtime.sampling import Sampler, ScoredChoice

BackendName = Literal["native", "onnxruntime"]
Backend = Literal["auto", BackendName]
"""What runs a bundle; `auto` is native where it works, else ONNX Runtime."""
CHUNK_TOKENS = 16
"""The most tokens of one prefill call: int8 activations share one scale per call, so longer calls are less exact."""


class BackendUnavailable(TinylmError):
    """This backend cannot serve this bundle on this machine; another one may."""


class BackendSequence(Protocol):
    """One sequence of an open model, with its cache; not thread-safe, but others of the model run at the same time.

    Ids are in the vocabulary and fit the context: the caller has checked them. TinylmError when the model was closed;
    the sequence is then, as after most other errors, what it was before. The memory is freed with the last reference.
    """

    def prefill(self, ids: Sequence[int]) -> None:
        """Append `ids` in chunks of at most `CHUNK_TOKENS`, without logits."""
        ...

    def logits(self, token: int) -> memoryview[float]:
        """Append `token`; the logits of what follows it, float32 [vocab_size], valid until the next call."""
        ...

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; what `sampler` chooses to follow it, and its log-probability in nats. It is counted as seen.

        TinylmError when the logits are not finite.
        """
        ...

    def step_scored(self, token: int, sampler: Sampler, *, alternatives: int) -> ScoredChoice:
        """As `step`, but with log-probabilities of the model's own distribution, in nats: that of the choice, and those
        of the `alternatives` likeliest ids.
        """
        ...

    def score(self, ids: Sequence[int]) -> list[float]:
        """Append all but the last of `ids`; what each of them costs after the ones before it, in nats, but the first.

        TinylmError when a logit that decides one is not finite; the sequence is then empty.
        """
        ...

    def truncate(self, ids: Sequence[int]) -> None:
        """Forget all but the tokens `ids`, with which the sequence begins."""
        ...

    def logits_hash(self, prompts: Sequence[GoldenPrompt]) -> LogitsHash | None:
        """The hash of all logits over golden prompts; None where another machine would have other bits."""
        ...

    def fill_cache(self) -> None:
        """Write to all of the memory of an empty sequence's cache, so that the system gives it now."""
        ...


class BackendModel(Protocol):
    """An open bundle, shared by any number of threads."""

    name: BackendName

    @property
    def software(self) -> str:
        """What computes, as `native avx2` or `onnxruntime 1.31.1`."""
        ...

    def sequence(self) -> BackendSequence:
        """An empty sequence; TinylmError when the model is closed or there is no memory."""
        ...

    def close(self) -> None:
        """Let the tokens that are being computed end, and refuse any other; closing twice is fine."""
        ...


class TokenEngine(Protocol):
    """One sequence of tokens, and what a model makes of it; not thread-safe."""

    context_length: int
    """The most tokens that the sequence may have."""
    vocab_size: int
    software: str
    """What computes it, as `native avx2` or `onnxruntime 1.31.1`."""

    @property
    def length(self) -> int:
        """Tokens in the sequence."""
        ...

    def prefill(self, ids: Sequence[int]) -> None:
        """Append `ids` without logits.

        TinylmError, with the sequence as it was, when an id is not in the vocabulary or the context would overflow.
        """
        ...

    def logits(self, token: int) -> memoryview[float]:
        """Append `token` and return the logits of what follows it: float32 [vocab_size], valid until the next call.

        Errors as in `prefill`.
        """
        ...

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; return the token that `sampler` chooses to follow it, and its log-probability in nats.

        The chosen token is not in the sequence yet: pass it to the next `step`. Errors as in `prefill`, and TinylmError
        when the logits are not finite.
        """
        ...

    def step_scored(self, token: int, sampler: Sampler, *, alternatives: int) -> ScoredChoice:
        """As `step`, but with log-probabilities of the model's own distribution, in nats: that of the choice, and those
        of the `alternatives` likeliest ids.
        """
        ...

    def score(self, ids: Sequence[int]) -> list[float]:
        """Append all but the last of `ids`; what each of them costs after the ones before it, in nats, but the first.

        Errors as in `step`.
        """
        ...

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        ...

    def reusable(self, ids: Sequence[int]) -> int:
        """How many tokens of the sequence `ids` begins with that need not be read again for the very same bits."""
        ...

    def close(self) -> None:
        """Free the memory; the engine cannot be used any more. Closing twice is fine."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


def check_room(length: int, width: int, *, context_length: int) -> None:
    """TinylmError when a sequence of `length` tokens cannot take `width` more."""
    if length + width > context_length:
        raise TinylmError(
            f"{length} tokens and {width} more are too many; the context holds {context_length}",
            "truncate the cache or shorten the prompt",
        )


def check_token(token: int, *, vocab_size: int) -> None:
    """TinylmError when an id is not in the vocabulary."""
    if not 0 <= token < vocab_size:
        raise TinylmError(f"the token id {token} is not in the vocabulary of {vocab_size}")


def whole_chunks(length: int) -> int:
    """Of `length` tokens, how many fill whole chunks."""
    return length - length % CHUNK_TOKENS


def closed_model() -> TinylmError:
    """The error for what is asked of a model after it was closed."""
    return TinylmError("the model is closed")
