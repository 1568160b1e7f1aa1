"""The reference backend: an open graph over onnxruntime's own Python module, which needs numpy.

Every installation of onnxruntime has it, and the lean backend is compared with it. How to call it says
`tinylm.runtime.backends.contract`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.c_api import disable_telemetry, forget_code, giving_back_memory
from tinylm.runtime.backends.contract import Buffer, Value, check_bound
from tinylm.runtime.libraries import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

disable_telemetry()
import onnxruntime  # noqa: E402 - reads the environment when it is loaded

forget_code()
VERSION: str = onnxruntime.__version__

_QUIET = 4  # ONNX Runtime's severity "fatal": what goes wrong arrives as an exception, not on stderr.
_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}  # All others are called as numpy calls them.


class ReferenceSession:
    """One open graph; a `tinylm.runtime.backends.contract.Session`."""

    def __init__(self, model: Path, *, threads: int = 1, exact_int8: bool = False, trace: Path | None = None) -> None:
        """Load the graph in the file `model`, with the options that need the least memory.

        `exact_int8` chooses slower int8 kernels that cannot overflow, for x86 processors without VNNI. With `trace`
        ONNX Runtime times every operator, which slows it, and `close` writes the times to a JSON file whose name begins
        with this path. TinylmError when ONNX Runtime refuses the graph; it knows no operators of unknown domains, so
        such a graph is refused too.
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
        if exact_int8:
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
        forget_code()
        self.inputs: Mapping[str, Value] = {entry.name: _value(entry) for entry in self._session.get_inputs()}
        self.outputs: Mapping[str, Value] = {entry.name: _value(entry) for entry in self._session.get_outputs()}

    def bind(self, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> ReferenceBinding:
        """Bind memory to every input and to the wanted outputs; see `tinylm.runtime.backends.contract.Session`."""
        session = self.opened()
        check_bound(self, inputs, outputs)
        binding = session.io_binding()
        for name, buffer in inputs.items():
            binding.bind_ortvalue_input(name, _shared(buffer))
        for name, buffer in outputs.items():
            binding.bind_ortvalue_output(name, _shared(buffer))
        return ReferenceBinding(self, binding, [*inputs.values(), *outputs.values()])

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
            raise TinylmError("the session is closed")
        return self._session

    def close(self) -> None:
        """Free the graph, once its bindings are gone too, and write the trace; closing twice is fine."""
        if self._session is not None and self._traced:
            self._session.end_profiling()
        self._session = None


class _Name:
    """A file's name as bytes: ONNX Runtime's binding takes no str of a name that is not UTF-8, which Linux allows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> bytes:
        return os.fsencode(self._path)


class ReferenceBinding:
    """A session with memory for its inputs and outputs; made by `ReferenceSession.bind`."""

    def __init__(self, session: ReferenceSession, binding: Any, buffers: list[Buffer]) -> None:
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
