"""A model file becomes an open graph, by the backend that is asked for or fits this machine.

    session = open_session(bundle.model, threads=1)                  # lean where it works, else the reference
    session = open_session(bundle.model, threads=1, backend="reference")

Only the module of the backend that is taken is loaded. A new backend is a name in `contract.Backend`, a module beside
`lean.py` with a `Session`, and a branch here.
"""

from __future__ import annotations

import os
from pathlib import Path

from tinylm.machine.kernel_files import read_cpuinfo
from tinylm.machine.onnxruntime_version import installed_onnxruntime
from tinylm.onnx.graph_file import read_onnx
from tinylm.runtime.backends.contract import Backend, BackendUnavailable, Session


def open_session(model: Path, *, threads: int, backend: Backend = "auto", trace: Path | None = None) -> Session:
    """Load the graph in the file `model`.

    With `trace` every operator is timed, as `ReferenceSession` says; only that backend can, and it is taken. `auto`
    falls back to the reference where the lean backend cannot work. TinylmError when the file or its graph is
    refused, or when `lean` was asked for and cannot work here (`BackendUnavailable`).
    """
    # Before ONNX Runtime, which trusts what it reads: weights outside the file would come from a path that the model's
    # author chose.
    read_onnx(model)
    # Only where they are needed: ONNX Runtime does not look for VNNI itself before it converts the weights, which takes
    # memory and time.
    exact_int8 = overflows_int8()
    if backend != "reference" and trace is None:
        from tinylm.runtime.backends.lean import LeanSession

        try:
            return LeanSession(model, threads=threads, exact_int8=exact_int8)
        except BackendUnavailable:
            if backend == "lean":
                raise
    from tinylm.runtime.backends.reference import ReferenceSession

    return ReferenceSession(model, threads=threads, exact_int8=exact_int8, trace=trace)


def overflows_int8() -> bool:
    """Whether products of uint8 activations and int8 weights can overflow here in ONNX Runtime's fast kernels.

    x86 without VNNI adds pairs of such products in 16 bits, with saturation, as ONNX Runtime's
    `onnxruntime_session_options_config_keys.h` says at `session.x64quantprecision`. True for an unknown x86 processor.
    """
    if os.uname().machine.lower() not in ("x86_64", "amd64"):
        return False
    features = read_cpuinfo().flags
    return features is None or not features & {"avx512_vnni", "avx_vnni"}


def onnxruntime_version() -> str:
    """The installed version; its module is imported only for a build that keeps the version elsewhere."""
    if version := installed_onnxruntime():
        return version
    from tinylm.runtime.backends.reference import VERSION

    return VERSION
