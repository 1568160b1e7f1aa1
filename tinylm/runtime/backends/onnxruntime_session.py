"""ONNX Runtime by its own Python module: an open graph (`Session`) over memory that is bound to its names (`Binding`).

    session = Session(path, threads=1)                   # the file was read with bounds before (`tinylm.onnx`)
    ids, logits = Buffer((1, 1), "int32"), Buffer((1, 2048), "float32")
    binding = session.bind({"input_ids": ids, ...}, {"logits": logits})
    ids.data[0] = token
    binding.run()                      # reads and writes the buffers; nothing is copied or allocated

Importing this loads numpy and onnxruntime, ImportError where one is missing. Different bindings run at the same time in
different threads.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinylm.base.buffer import Buffer
from tinylm.base.errors import TinylmError
from tinylm.machine.kernel_files import read_cpuinfo
from tinylm.runtime.backends.contract import closed_model
from tinylm.runtime.libraries import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Official builds send usage data to their maker and keep an identifier of the device, unless this stands in the
# environment when they are loaded (Privacy.md in the wheel). A device that runs offline must not do that unasked, and
# it takes memory. A user who wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

VERSION: str = onnxruntime.__version__
SOFTWARE = f"onnxruntime {VERSION}"
"""What computes, in reports."""

_QUIET = 4  # ONNX Runtime's severity "fatal": what goes wrong arrives as an exception, not on stderr.
_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}  # All others are called as numpy calls them.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h


@dataclass(frozen=True)
class Value:
    """An input or output of a graph."""

    type: str
    """The element type in numpy's words: `float32`, `int32`, ..."""
    shape: tuple[int | None, ...]
    """None is a free dimension: what is bound decides it."""

    def __str__(self) -> str:
        return f"{self.type} {list(self.shape)}"


class Session:
    """One open graph. Closing it ends its bindings; the buffers stay their owner's."""

    def __init__(self, model: Path, *, threads: int = 1, trace: Path | None = None) -> None:
        """Load the graph in the file `model`, with the options that need the least memory.

        With `trace` ONNX Runtime times every operator, which slows it, and `close` writes the times to a JSON file
        whose name begins with this path. TinylmError when ONNX Runtime refuses the graph; it knows no operators of
        unknown domains, so such a graph is refused too.
        """
        options = onnxruntime.SessionOptions()
        options.enable_cpu_mem_arena = False
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        # A thread that spins between tokens would heat a fanless board for nothing.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        # Only where it is needed: the slower kernels take memory and time.
        if overflows_int8():
            options.add_session_config_entry("session.x64quantprecision", "1")
        self._traced = trace is not None
        if trace is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(trace)
        try:
            with giving_back_memory():
                self._session: Any = onnxruntime.InferenceSession(
                    _Name(model), options, providers=["CPUExecutionProvider"]
                )
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own.
            raise TinylmError(
                f"ONNX Runtime {VERSION} cannot load `{model}`: {_reason(error)}",
                "upgrade onnxruntime, or export the bundle again",
            ) from error
        self.inputs: Mapping[str, Value] = {entry.name: _value(entry) for entry in self._session.get_inputs()}
        self.outputs: Mapping[str, Value] = {entry.name: _value(entry) for entry in self._session.get_outputs()}

    def bind(self, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> Binding:
        """Bind memory to all inputs and to those outputs that are wanted; nothing is copied.

        The same buffer as `past.*` and `present.*` makes the graph work in place. TinylmError when an input is missing,
        a name is unknown, or a type or shape is not the graph's, and when the session is closed.
        """
        session = self.opened()
        self._check_bound(inputs, outputs)
        binding = session.io_binding()
        for name, buffer in inputs.items():
            binding.bind_ortvalue_input(name, _shared(buffer))
        for name, buffer in outputs.items():
            binding.bind_ortvalue_output(name, _shared(buffer))
        return Binding(self, binding, [*inputs.values(), *outputs.values()])

    def run(self, outputs: Sequence[str], inputs: Mapping[str, Any]) -> list[Any]:
        """Run the graph once over values (`value_of`); each of the `outputs` comes in memory of its own.

        For graphs whose outputs grow, which no bound memory fits. TinylmError when it fails or the session is closed.
        """
        session = self.opened()
        try:
            values: list[Any] = session.run_with_ort_values(list(outputs), dict(inputs))
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own.
            raise _failed(error) from error
        return values

    def opened(self) -> Any:
        """The `onnxruntime.InferenceSession`; TinylmError when it is closed."""
        if self._session is None:
            raise closed_model()
        return self._session

    def close(self) -> None:
        """Free the graph, once its bindings are gone too, and write the trace; closing twice is fine."""
        if self._session is not None and self._traced:
            self._session.end_profiling()
        self._session = None

    def _check_bound(self, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> None:
        for name in self.inputs.keys() - inputs.keys():
            raise TinylmError(f"the graph's input `{name}` is not bound")
        for kind, values, buffers in (("input", self.inputs, inputs), ("output", self.outputs, outputs)):
            for name, buffer in buffers.items():
                value = values.get(name)
                if value is None:
                    raise TinylmError(f"the graph has no {kind} `{name}`")
                fits = len(value.shape) == len(buffer.shape) and all(
                    dimension in (None, given) for dimension, given in zip(value.shape, buffer.shape, strict=True)
                )
                if value.type != buffer.type or not fits:
                    raise TinylmError(
                        f"the {kind} `{name}` of the graph is {value}; {buffer.type} {list(buffer.shape)} was bound"
                    )


class Binding:
    """A session with memory for its inputs and outputs, which it keeps alive; made by `Session.bind`."""

    def __init__(self, session: Session, binding: Any, buffers: list[Buffer]) -> None:
        self._session = session
        self._binding = binding
        self._keep_alive = buffers

    def run(self) -> None:
        """Run the graph once; TinylmError when it fails or the session is closed."""
        session = self._session.opened()
        try:
            session.run_with_iobinding(self._binding)
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own.
            raise _failed(error) from error


class _Name:
    """A file's name as bytes: ONNX Runtime's binding takes no str of a name that is not UTF-8, which Linux allows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> bytes:
        return os.fsencode(self._path)


def overflows_int8() -> bool:
    """Whether products of uint8 activations and int8 weights can overflow here in ONNX Runtime's fast kernels.

    x86 without VNNI adds pairs of such products in 16 bits, with saturation, as ONNX Runtime's
    `onnxruntime_session_options_config_keys.h` says at `session.x64quantprecision`. True for an unknown x86 processor.
    """
    if os.uname().machine.lower() not in ("x86_64", "amd64"):
        return False
    features = read_cpuinfo().flags
    return features is None or not features & {"avx512_vnni", "avx_vnni"}


@contextmanager
def giving_back_memory() -> Iterator[None]:
    """While a model is loaded: what is freed in large blocks goes back to the system at once.

    Weights are copied several times on their way (parsed, transposed, packed). glibc keeps freed blocks that lie
    between blocks in use, so the copies add up in the process's peak. Afterwards blocks are kept again, because a
    token's short-lived buffers must not cost system calls. Nothing is done with another C library.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        yield
        return
    mallopt(_MMAP_THRESHOLD, 65536)
    try:
        yield
    finally:
        # What glibc would have come to by itself: a threshold above the largest block freed so far, and twice that.
        mallopt(_MMAP_THRESHOLD, 4 << 20)
        mallopt(_TRIM_THRESHOLD, 8 << 20)


def value_of(array: NDArray[Any]) -> Any:
    """An `onnxruntime.OrtValue` over the memory of a contiguous array, which it keeps alive."""
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)


def _value(entry: Any) -> Value:
    # A free dimension has a name, or none; ONNX Runtime shows a string or None.
    shape = tuple(dimension if isinstance(dimension, int) else None for dimension in entry.shape)
    return Value(_TYPES.get(entry.type, entry.type.removeprefix("tensor(").removesuffix(")")), shape)


def _shared(buffer: Buffer) -> Any:
    """A value that is the buffer's own memory; nothing is copied."""
    return value_of(np.asarray(buffer.data).reshape(buffer.shape))


def _failed(error: Exception) -> TinylmError:
    return TinylmError(f"the model failed while running: {_reason(error)}", "export the bundle again")


def _reason(error: Exception) -> str:
    """The first line of ONNX Runtime's message, which may go on for a page."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
