"""A bundle becomes an open model, by the backend that is asked for or serves on this machine.

    model = open_backend(bundle, threads=1, backend="auto")              # native where it works, else ONNX Runtime

Only the module of the backend that is taken is loaded: with `native` neither numpy nor onnxruntime has to be installed.
A new backend is a name in `contract.BackendName`, a module beside `native.py`, and a branch here.
"""

from __future__ import annotations

from pathlib import Path

from tinylm.base.errors import say
from tinylm.bundle.reading import Bundle
from tinylm.machine.onnxruntime_version import installed_onnxruntime
from tinylm.native.library import INTERFACE, NativeUnavailable, instruction_sets, load
from tinylm.runtime.backends.contract import Backend, BackendModel, BackendName, BackendUnavailable

_said: set[str] = set()
"""Why the native engine did not serve, as far as this process was told."""


def open_backend(bundle: Bundle, *, threads: int, backend: Backend, trace: Path | None = None) -> BackendModel:
    """Open the model of a bundle; where `auto` is not native, a line on stderr says why, once a process.

    With `trace` every operator is timed, as `onnxruntime_session.Session` says; only ONNX Runtime can, and it is taken.
    TinylmError when the model's file is refused, `BackendUnavailable` when what was asked for cannot work here.
    """
    reason = ""
    if backend != "onnxruntime" and trace is None:
        from tinylm.runtime.backends.native import NativeModel

        try:
            return NativeModel(bundle, threads=threads)
        except BackendUnavailable as error:
            if backend == "native":
                raise
            reason = error.message
    try:
        from tinylm.runtime.backends.onnxruntime import OnnxruntimeModel
    except ImportError as error:
        both = f"; the native engine does not serve: {reason}" if reason else ""
        raise BackendUnavailable(f"ONNX Runtime cannot be loaded: {error}{both}", "pip install onnxruntime") from error
    model = OnnxruntimeModel(bundle, threads=threads, trace=trace)
    if reason and reason not in _said:
        _said.add(reason)
        say(f"note: ONNX Runtime serves, because the native engine does not: {reason}")
    return model


def serving(backend: Backend) -> BackendName:
    """What would serve a bundle that both can serve; nothing heavy is loaded."""
    if backend != "auto":
        return backend
    try:
        load()
    except NativeUnavailable:
        return "onnxruntime"
    return "native"


def engine_version(backend: Backend) -> str:
    """What would serve, with its version and instruction set, as `native 1 avx2`; NativeUnavailable."""
    if serving(backend) == "native":
        return f"native {INTERFACE} {instruction_sets()[0]}"
    return f"onnxruntime {installed_onnxruntime()}"
