"""ONNX Runtime's C library through ctypes: the few functions that a decoder needs, and nothing else of the package.

The wheel `onnxruntime` ships the C library beside its Python module. Its stable C API is a table of function pointers
that only ever grows, so a program asks for the oldest version that has what it calls, and the same positions hold in
every later release. Neither numpy nor onnxruntime's Python module is loaded: that is where most of a small process's
memory and start-up time go.

    api = load()                                     # once a process; BackendUnavailable where it cannot work
    session = api.create_session(path, threads=1, exact_int8=False)
    inputs, outputs = api.values(session)

Handles are plain addresses: who creates one releases it, once. `tinylm.runtime.backends.lean` does that. Every status
that the library returns is checked, becomes a TinylmError with its message, and is released.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import threading
import weakref
from collections.abc import Callable
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.buffers import Buffer
from tinylm.runtime.backends.contract import BackendUnavailable, Value
from tinylm.runtime.backends.process import disable_telemetry, forget_code, giving_back_memory

_API_VERSION = 5
"""The oldest table with every function below (ONNX Runtime 1.5); `GetApi` hands it out in all later releases."""

# Positions in `struct OrtApi` of onnxruntime_c_api.h, which never change once released, and the arguments. These return
# an OrtStatus pointer, null when all went well.
_FUNCTIONS: dict[str, tuple[int, tuple[Any, ...]]] = {
    "CreateEnv": (3, (c_int, c_char_p, c_void_p)),
    "CreateSession": (7, (c_void_p, c_char_p, c_void_p, c_void_p)),
    "CreateSessionOptions": (10, (c_void_p,)),
    "SetSessionExecutionMode": (13, (c_void_p, c_int)),
    "DisableCpuMemArena": (19, (c_void_p,)),
    "SetSessionLogSeverityLevel": (22, (c_void_p, c_int)),
    "SetIntraOpNumThreads": (24, (c_void_p, c_int)),
    "SetInterOpNumThreads": (25, (c_void_p, c_int)),
    "SessionGetInputCount": (30, (c_void_p, c_void_p)),
    "SessionGetOutputCount": (31, (c_void_p, c_void_p)),
    "SessionGetInputTypeInfo": (33, (c_void_p, c_size_t, c_void_p)),
    "SessionGetOutputTypeInfo": (34, (c_void_p, c_size_t, c_void_p)),
    "SessionGetInputName": (36, (c_void_p, c_size_t, c_void_p, c_void_p)),
    "SessionGetOutputName": (37, (c_void_p, c_size_t, c_void_p, c_void_p)),
    "CreateTensorWithDataAsOrtValue": (49, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_int, c_void_p)),
    "CastTypeInfoToTensorInfo": (55, (c_void_p, c_void_p)),
    "GetTensorElementType": (60, (c_void_p, c_void_p)),
    "GetDimensionsCount": (61, (c_void_p, c_void_p)),
    "GetDimensions": (62, (c_void_p, c_void_p, c_size_t)),
    "CreateCpuMemoryInfo": (69, (c_int, c_int, c_void_p)),
    "AllocatorFree": (76, (c_void_p, c_void_p)),
    "GetAllocatorWithDefaultOptions": (78, (c_void_p,)),
    "AddSessionConfigEntry": (130, (c_void_p, c_char_p, c_char_p)),
    "RunWithBinding": (133, (c_void_p, c_void_p, c_void_p)),
    "CreateIoBinding": (134, (c_void_p, c_void_p)),
    "BindInput": (136, (c_void_p, c_char_p, c_void_p)),
    "BindOutput": (137, (c_void_p, c_char_p, c_void_p)),
}
# These take one handle and return nothing.
_RELEASES: dict[str, int] = {
    "Env": 92,
    "Status": 93,
    "Session": 95,
    "Value": 96,
    "TypeInfo": 98,
    "SessionOptions": 100,
    "IoBinding": 135,
}
_GET_ERROR_MESSAGE = 2

# enum ONNXTensorElementDataType, in numpy's words.
_ELEMENT_TYPES = (
    *("undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"),
    *("float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"),
)
_SEVERITY_FATAL = 4  # What goes wrong arrives as a status, not on stderr.
_SEQUENTIAL = 0
_DEVICE_ALLOCATOR, _DEFAULT_MEMORY = 0, 0


class Api:
    """The library, loaded, with its environment. One a process: get it from `load`."""

    def __init__(self, library: Path) -> None:
        """Load `library`; BackendUnavailable when it is not one, or not one with this table."""
        disable_telemetry()
        try:
            get_base = ctypes.CDLL(str(library)).OrtGetApiBase
        except (OSError, AttributeError) as error:
            raise BackendUnavailable(f"`{library}` cannot be loaded: {error}") from error
        get_base.restype = ctypes.POINTER(c_void_p)
        base = get_base()
        self.version = (ctypes.CFUNCTYPE(c_char_p)(base[1])() or b"").decode("ascii", "replace")
        """ONNX Runtime's own, as `1.31.1`."""
        table = ctypes.CFUNCTYPE(c_void_p, c_uint32)(base[0])(_API_VERSION)
        if table is None:
            raise BackendUnavailable(f"ONNX Runtime {self.version} no longer has version {_API_VERSION} of its C API")
        pointers = ctypes.cast(table, ctypes.POINTER(c_void_p))
        self._functions: dict[str, Callable[..., int | None]] = {
            name: ctypes.CFUNCTYPE(c_void_p, *arguments)(pointers[index])
            for name, (index, arguments) in _FUNCTIONS.items()
        }
        release = ctypes.CFUNCTYPE(None, c_void_p)
        self._releases: dict[str, Callable[[int], None]] = {
            name: release(pointers[index]) for name, index in _RELEASES.items()
        }
        self._error_message = ctypes.CFUNCTYPE(c_char_p, c_void_p)(pointers[_GET_ERROR_MESSAGE])
        self.run_with_binding = self._functions["RunWithBinding"]
        """`(session, run options or None, binding)` -> status for `check`; runs without the interpreter's lock."""
        self.release_session = self._releases["Session"]
        self.release_binding = self._releases["IoBinding"]
        try:
            self._env = self._create("CreateEnv", _SEVERITY_FATAL, b"tinylm")
            # At exit, after all sessions: finalizers run in the reverse order of their creation.
            weakref.finalize(self, self._releases["Env"], self._env)
            forget_code()
            self._memory = self._create("CreateCpuMemoryInfo", _DEVICE_ALLOCATOR, _DEFAULT_MEMORY)
            self._allocator = self._create("GetAllocatorWithDefaultOptions")
        except TinylmError as error:
            raise BackendUnavailable(f"ONNX Runtime {self.version} does not start: {error.message}") from error

    def check(self, status: int | None) -> None:
        """TinylmError with ONNX Runtime's message when `status` is one; the status is released."""
        if not status:
            return
        message = (self._error_message(status) or b"").decode("utf-8", "replace")
        self._releases["Status"](status)
        # The message may go on for a page; its first line says what happened.
        raise TinylmError((message.splitlines() or ["no reason was given"])[0][:300])

    def create_session(self, model: Path, *, threads: int, exact_int8: bool) -> int:
        """Load a graph with the options that need the least memory; `exact_int8` as in `LeanSession`.

        TinylmError when ONNX Runtime refuses it.
        """
        options = self._create("CreateSessionOptions")
        try:
            # Memory patterns stay on: a call takes one block for all its values, instead of one each (3 % of a
            # token's time and instructions at 1.3 M parameters, and no more memory; measured).
            self._call("DisableCpuMemArena", options)
            self._call("SetSessionExecutionMode", options, _SEQUENTIAL)
            self._call("SetIntraOpNumThreads", options, threads)
            self._call("SetInterOpNumThreads", options, 1)
            self._call("SetSessionLogSeverityLevel", options, _SEVERITY_FATAL)
            # A thread that spins between tokens would heat a fanless board for nothing.
            self._call("AddSessionConfigEntry", options, b"session.intra_op.allow_spinning", b"0")
            self._call("AddSessionConfigEntry", options, b"session.inter_op.allow_spinning", b"0")
            if exact_int8:
                self._call("AddSessionConfigEntry", options, b"session.x64quantprecision", b"1")
            with giving_back_memory():
                session = self._create("CreateSession", self._env, os.fsencode(model), options)
            forget_code()
            return session
        finally:
            self._releases["SessionOptions"](options)

    def values(self, session: int) -> tuple[dict[str, Value], dict[str, Value]]:
        """Inputs and outputs of a graph by name; TinylmError when one is no tensor."""
        return self._values(session, "Input"), self._values(session, "Output")

    def create_binding(self, session: int) -> int:
        """An empty IoBinding."""
        return self._create("CreateIoBinding", session)

    def bind_input(self, binding: int, name: str, buffer: Buffer) -> None:
        """Make an input read the buffer's memory, which must outlive the binding."""
        self._bind("BindInput", binding, name, buffer)

    def bind_output(self, binding: int, name: str, buffer: Buffer) -> None:
        """Make an output write the buffer's memory, which must outlive the binding."""
        self._bind("BindOutput", binding, name, buffer)

    def _bind(self, function: str, binding: int, name: str, buffer: Buffer) -> None:
        shape = (c_int64 * len(buffer.shape))(*buffer.shape)
        kind = _ELEMENT_TYPES.index(buffer.type)
        memory = (self._memory, buffer.address, buffer.nbytes, byref(shape), len(buffer.shape), kind)
        value = self._create("CreateTensorWithDataAsOrtValue", *memory)
        try:
            self._call(function, binding, name.encode(), value)
        finally:
            self._releases["Value"](value)  # The binding holds its own reference.

    def _values(self, session: int, kind: str) -> dict[str, Value]:
        count = c_size_t()
        self._call(f"SessionGet{kind}Count", session, byref(count))
        found = {}
        for index in range(count.value):
            text = self._create(f"SessionGet{kind}Name", session, index, self._allocator)
            name = ctypes.string_at(text).decode("utf-8", "replace")
            self._call("AllocatorFree", self._allocator, text)
            found[name] = self._value(self._create(f"SessionGet{kind}TypeInfo", session, index), name)
        return found

    def _value(self, info: int, name: str) -> Value:
        """What a type info says; it is released."""
        try:
            tensor, kind, rank = c_void_p(), c_int(), c_size_t()
            self._call("CastTypeInfoToTensorInfo", info, byref(tensor))  # Belongs to the type info.
            if not tensor:
                raise TinylmError(f"`{name}` of the graph is not a tensor")
            self._call("GetTensorElementType", tensor, byref(kind))
            self._call("GetDimensionsCount", tensor, byref(rank))
            shape = (c_int64 * rank.value)()
            self._call("GetDimensions", tensor, byref(shape), rank.value)
        finally:
            self._releases["TypeInfo"](info)
        type_ = _ELEMENT_TYPES[kind.value] if 0 <= kind.value < len(_ELEMENT_TYPES) else f"type {kind.value}"
        return Value(type_, tuple(dimension if dimension >= 0 else None for dimension in shape))

    def _create(self, function: str, *arguments: object) -> int:
        """Call a function whose last argument is where it puts a handle; return the handle."""
        handle = c_void_p()
        self._call(function, *arguments, byref(handle))
        if not handle.value:
            raise TinylmError(f"{function} of ONNX Runtime {self.version} returned nothing")
        return handle.value

    def _call(self, function: str, *arguments: object) -> None:
        self.check(self._functions[function](*arguments))


_loaded: Api | None = None
_loading = threading.Lock()


def load() -> Api:
    """The library of the installed onnxruntime, loaded at the first call; BackendUnavailable where there is none."""
    global _loaded
    with _loading:
        if _loaded is None:
            _loaded = Api(find_library())
        return _loaded


def find_library() -> Path:
    """The C library in the installed package, which is found without being imported; BackendUnavailable without one.

    Wheels for Linux hold it as `capi/libonnxruntime.so.1.31.1`.
    """
    spec = importlib.util.find_spec("onnxruntime")
    folders = [] if spec is None else spec.submodule_search_locations or []
    found = [path for folder in folders for path in sorted(Path(folder, "capi").glob("libonnxruntime.so*"))]
    if len(found) != 1:
        raise BackendUnavailable(
            f"the installed onnxruntime has {len(found)} C libraries `capi/libonnxruntime.so*`; exactly one is needed",
            "pip install --force-reinstall onnxruntime, or use the other backend",
        )
    return found[0]
