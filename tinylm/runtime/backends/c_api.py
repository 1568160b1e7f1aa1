"""C libraries through ctypes: ONNX Runtime's, as far as a decoder needs it, and what keeps a process with it small.

The wheel `onnxruntime` ships the C library beside its Python module. Its stable C API is a table of function pointers
that only ever grows, so a program asks for the oldest version that has what it calls, and the same positions hold in
every later release. Neither numpy nor onnxruntime's Python module is loaded, which take most of a small process's
memory and start-up time.

    api = load()                                     # once a process; BackendUnavailable where it cannot work
    session = api.create_session(path, threads=1, exact_int8=False)
    inputs, outputs = api.values(session)

Handles are plain addresses; `tinylm.runtime.backends.lean` releases each once. Every status that the library returns is
checked, becomes a TinylmError with its message, and is released.

`disable_telemetry`, `giving_back_memory` and `forget_code` are for whatever loads ONNX Runtime, this way or another.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path
from typing import Any, Literal

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.contract import BackendUnavailable, Buffer, Value

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

_DONT_NEED = 4  # MADV_DONTNEED of sys/mman.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h


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

    def bind(self, binding: int, kind: Literal["Input", "Output"], name: str, buffer: Buffer) -> None:
        """Make an input read, or an output write, the buffer's memory, which must outlive the binding."""
        shape = (c_int64 * len(buffer.shape))(*buffer.shape)
        element_type = _ELEMENT_TYPES.index(buffer.type)
        memory = (self._memory, buffer.address, buffer.nbytes, byref(shape), len(buffer.shape), element_type)
        value = self._create("CreateTensorWithDataAsOrtValue", *memory)
        try:
            self._call(f"Bind{kind}", binding, name.encode(), value)
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


def disable_telemetry() -> None:
    """Keep ONNX Runtime from reporting to its maker; works only before it is loaded.

    Official builds send usage data and keep an identifier of the device, unless this stands in the environment
    (Privacy.md in the wheel). A device that runs offline must not do that unasked, and it takes memory. A user who
    wants it sets the variable to 0.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


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


def forget_code() -> None:
    """Take the pages of loaded code out of this process's memory; what runs again comes back by itself.

    Starting Python and ONNX Runtime and loading a model runs megabytes of code once, whose pages would stay resident
    until the system runs short. Only executable mappings of files are touched: they are never written, so the file,
    which the system caches, has all that they hold. Nothing is done without Linux's /proc and madvise.
    """
    try:
        madvise = ctypes.CDLL(None, use_errno=True).madvise
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except (AttributeError, OSError, TypeError):
        return
    for line in maps:
        place, access, *_, name = line.split(maxsplit=5)
        if access == "r-xp" and name.startswith("/"):
            start, end = (int(address, 16) for address in place.split("-"))
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONT_NEED)
