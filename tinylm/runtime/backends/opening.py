"""A bundle becomes an open model, by the backend that is asked for or serves on this machine.

    model = open_backend(bundle, threads=1, backend="auto")              # native where it works, else ONNX Runtime

Only the module of the backend that is taken is loaded: with `native` neither numpy nor onnxruntime has to be installed.
A new backend is a name in `contract.BackendName`, a module beside `native.py`, and a branch here.
"""

from __future__ import annotations

from pathlib import Path

from tinylm.bundle.reading import Bundle
from tinylm.machine.onnxruntime_version import installed_onnxruntime
from tinylm.runtime.backends.contract import Backend, BackendModel, BackendUnavailable


def open_backend(bundle: Bundle, *, threads: int, backend: Backend, trace: Path | None = None) -> BackendModel:
    """Open the model of a bundle.

    With `trace` every operator is timed, as `onnxruntime_session.Session` says; only ONNX Runtime can, and it is taken.
    TinylmError when the model's file is refused, `BackendUnavailable` when what was asked for cannot work here.
    """
    if backend == "native":
        raise BackendUnavailable("there is no native engine yet", "leave `--backend` out")
    return _onnxruntime(bundle, threads=threads, trace=trace)


def engine_version(backend: Backend) -> str:
    """What would serve, with its version; nothing heavy is loaded."""
    return f"onnxruntime {installed_onnxruntime()}"


def _onnxruntime(bundle: Bundle, *, threads: int, trace: Path | None) -> BackendModel:
    try:
        from tinylm.runtime.backends.onnxruntime import OnnxruntimeModel
    except ImportError as error:
        raise BackendUnavailable(
            f"ONNX Runtime cannot be loaded: {error}", "pip install onnxruntime, or use another backend"
        ) from error
    return OnnxruntimeModel(bundle, threads=threads, trace=trace)
