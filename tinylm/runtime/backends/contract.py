"""What the parts of the runtime are to each other: a backend to the engine, and an engine to generation.

A backend is a graph that is open, and runs over memory that is bound to its names.

Two implementations share it. `tinylm.runtime.backends.lean` calls ONNX Runtime's C library through ctypes, and needs
neither numpy nor onnxruntime's own Python module; the reference uses that module. Same graph, same bits.

    session = LeanSession(path, threads=1)
    logits = Buffer((1, 2048), "float32")
    binding = session.bind({"input_ids": ids, ...}, {"logits": logits})
    ids.data[0] = token
    binding.run()                      # reads and writes the buffers; nothing is copied or allocated

An engine is one sequence of tokens that a model continues. Two kinds share what generation needs: `Engine` runs a
bundle, `tinylm.runtime.external` a decoder that was exported elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.buffers import Buffer

if TYPE_CHECKING:
    from tinylm.runtime.sampling import Sampler

Backend = Literal["auto", "lean", "reference"]
"""What runs the graph; `tinylm.runtime.backends.session` says which is which."""
CHUNK_TOKENS = 16
"""The most tokens of one prefill call: int8 activations share one scale per call, so longer calls are less exact."""


class BackendUnavailable(TinylmError):
    """This backend cannot work on this machine, whatever the graph; another one may."""


@dataclass(frozen=True)
class Value:
    """An input or output of a graph."""

    type: str
    """The element type in numpy's words: `float32`, `int32`, ..."""
    shape: tuple[int | None, ...]
    """None is a free dimension: what is bound decides it."""


class Binding(Protocol):
    """One way to run a session: every input, and the outputs that are wanted, in fixed memory that it keeps alive."""

    def run(self) -> None:
        """Run the graph once; TinylmError when it fails or the session is closed.

        Two bindings may run at the same time in two threads when no memory is written by one and used by the other.
        """
        ...


class Session(Protocol):
    """An open graph. Closing it ends its bindings; the buffers stay their owner's."""

    @property
    def inputs(self) -> Mapping[str, Value]: ...

    @property
    def outputs(self) -> Mapping[str, Value]: ...

    def bind(self, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> Binding:
        """Bind memory to all inputs and to those outputs that are wanted; nothing is copied.

        The same buffer as `past.*` and `present.*` makes the graph work in place. TinylmError when an input is missing,
        a name is unknown, or a type or shape is not the graph's.
        """
        ...

    def close(self) -> None:
        """Free the graph; closing twice is fine."""
        ...


class TokenEngine(Protocol):
    """One sequence of tokens, and what a model makes of it; not thread-safe."""

    context_length: int
    """The most tokens that the sequence may have."""
    vocab_size: int

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
        """Append `token` and return the logits of what follows it: float32 [vocab_size], valid until the next call."""
        ...

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; return the token that `sampler` chooses to follow it, and its log-probability in nats."""
        ...

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        ...

    def close(self) -> None:
        """Free the memory; the engine cannot be used any more. Closing twice is fine."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


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


def check_bound(session: Session, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> None:
    """TinylmError when an input is missing, or a buffer has no such value, or one of another type or shape."""
    for name in session.inputs.keys() - inputs.keys():
        raise TinylmError(f"the graph's input `{name}` is not bound")
    for kind, values, buffers in (("input", session.inputs, inputs), ("output", session.outputs, outputs)):
        for name, buffer in buffers.items():
            _check(kind, name, values.get(name), buffer)


def _check(kind: str, name: str, value: Value | None, buffer: Buffer) -> None:
    """TinylmError when the graph has no such value, or one of another type or shape."""
    if value is None:
        raise TinylmError(f"the graph has no {kind} `{name}`")
    fits = len(value.shape) == len(buffer.shape) and all(
        dimension in (None, given) for dimension, given in zip(value.shape, buffer.shape, strict=True)
    )
    if value.type != buffer.type or not fits:
        raise TinylmError(
            f"the {kind} `{name}` of the graph is {value.type} {list(value.shape)}; {buffer.type} {list(buffer.shape)}"
            " was bound"
        )
