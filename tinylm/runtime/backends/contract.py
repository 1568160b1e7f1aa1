"""What a backend is to the engine, and an engine to generation: the two places where a new one plugs in.

A backend opens a graph (`Session`) and runs it over memory that is bound to its names (`Buffer`). There are two, with
the same bits: `tinylm.runtime.backends.lean` calls ONNX Runtime's C library through ctypes and needs neither numpy nor
onnxruntime's own Python module; `tinylm.runtime.backends.reference` is that module.
`tinylm.runtime.backends.session` chooses.

    session = LeanSession(path, threads=1)
    ids, logits = Buffer((1, 1), "int32"), Buffer((1, 2048), "float32")
    binding = session.bind({"input_ids": ids, ...}, {"logits": logits})
    ids.data[0] = token
    binding.run()                      # reads and writes the buffers; nothing is copied or allocated

An engine is one sequence of tokens that a model continues (`TokenEngine`), which is all that generation, scoring and
the probes need. `tinylm.runtime.engine` runs a bundle over any `Session`, `tinylm.runtime.external_engine` a decoder
that was exported elsewhere. What runs no ONNX graph would be a `TokenEngine` of its own.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from tinylm.base.errors import TinylmError

if TYPE_CHECKING:
    from tinylm.runtime.sampling import Sampler

Backend = Literal["auto", "lean", "reference"]
"""What runs the graph; `auto` is lean where it works, else the reference."""
CHUNK_TOKENS = 16
"""The most tokens of one prefill call: int8 activations share one scale per call, so longer calls are less exact."""

FORMATS: dict[str, str] = {"float32": "f", "int32": "i", "int64": "q", "uint8": "B", "int8": "b"}
"""Element types of buffers, and their codes in `struct`, which a memoryview's elements follow."""
_MOST_BYTES = 1 << 40  # Beyond any device; keeps the product of absurd dimensions from overflowing in C.


class BackendUnavailable(TinylmError):
    """This backend cannot work on this machine, whatever the graph; another one may."""


class Buffer:
    """Typed memory of fixed shape that a graph reads or writes: zeroed, at an address that is a multiple of 64.

    It is a private anonymous mapping: the system gives and zeroes a page when it is first touched, so the part of a
    cache that no token has reached costs no memory. It lives as long as the buffer, a view of it, or its `data`.

        ids = Buffer((1, 16), "int32")
        ids.data[3] = 7
        first = ids.view((1, 5))                             # the same memory, read as five tokens
        logits = np.asarray(buffer.data).reshape(buffer.shape)
    """

    __slots__ = ("_memory", "address", "data", "nbytes", "shape", "type")

    def __init__(self, shape: Sequence[int], type: str) -> None:
        """Take memory for `shape` elements of `type`, a key of `FORMATS`.

        TinylmError when the type is unknown, a dimension is not positive, or there is not that much memory.
        """
        if type not in FORMATS:
            raise TinylmError(f"`{type}` is not a type of buffers; these are: {', '.join(FORMATS)}")
        if any(dimension < 1 for dimension in shape):
            raise TinylmError(f"a buffer of the shape {list(shape)} holds nothing; every dimension is at least 1")
        nbytes = math.prod(shape) * struct.calcsize(FORMATS[type])
        try:
            if nbytes > _MOST_BYTES:
                raise OSError("too much for any device")
            # A private copy of no file: anonymous memory that a forked process does not share.
            self._memory: Any = mmap.mmap(-1, nbytes, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise TinylmError(f"no memory for a buffer of {nbytes / 1e6:.0f} MB: {error}") from error
        self.shape = tuple(shape)
        self.type = type
        self.nbytes = nbytes
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        """Where the first element lies in memory; pages begin at multiples of 4096."""
        self.data: memoryview[Any] = memoryview(self._memory)[:nbytes].cast(FORMATS[type])  # type: ignore[call-overload]
        """The elements, flat and writable."""

    def view(self, shape: Sequence[int]) -> Buffer:
        """The first elements of this buffer under another shape: the same memory, kept alive by the view as well.

        TinylmError when `shape` holds nothing, or more than the buffer does.
        """
        elements = math.prod(shape)
        if any(dimension < 1 for dimension in shape) or elements > len(self.data):
            raise TinylmError(f"the shape {list(shape)} does not fit into a buffer of the shape {list(self.shape)}")
        part = Buffer.__new__(Buffer)
        part._memory = self._memory
        part.shape = tuple(shape)
        part.type = self.type
        part.nbytes = elements * self.data.itemsize
        part.address = self.address
        part.data = self.data[:elements]
        return part

    def __repr__(self) -> str:
        return f"Buffer({self.shape}, {self.type!r})"


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
        a name is unknown, or a type or shape is not the graph's (`check_bound`), and when the session is closed.
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

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
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


def logits_not_finite() -> TinylmError:
    """The error for logits that are NaN or infinite."""
    return TinylmError("the model's logits are NaN or infinite", "export the bundle again", exit_code=1)


def check_bound(session: Session, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> None:
    """TinylmError when an input is missing, or a buffer has no such value, or one of another type or shape."""
    for name in session.inputs.keys() - inputs.keys():
        raise TinylmError(f"the graph's input `{name}` is not bound")
    for kind, values, buffers in (("input", session.inputs, inputs), ("output", session.outputs, outputs)):
        for name, buffer in buffers.items():
            value = values.get(name)
            if value is None:
                raise TinylmError(f"the graph has no {kind} `{name}`")
            fits = len(value.shape) == len(buffer.shape) and all(
                dimension in (None, given) for dimension, given in zip(value.shape, buffer.shape, strict=True)
            )
            if value.type != buffer.type or not fits:
                raise TinylmError(
                    f"the {kind} `{name}` of the graph is {value.type} {list(value.shape)};"
                    f" {buffer.type} {list(buffer.shape)} was bound"
                )
