"""A model file becomes an open graph, by the backend that is asked for or fits this machine.

    session = open_session(bundle.model, threads=1)                  # lean where it works, else the reference
    session = open_session(bundle.model, threads=1, backend="reference")

Both give the same bits; lean (`tinylm.runtime.backends.lean`) needs less memory and starts sooner, the reference
(`tinylm.runtime.backends.reference`) is onnxruntime's own Python module. Only what is used is loaded.
"""

from __future__ import annotations

from pathlib import Path

from tinylm.onnx.graph_file import read_onnx
from tinylm.runtime.backends.contract import Backend, BackendUnavailable, Session
from tinylm.runtime.backends.requirements import overflows_int8


def open_session(model: Path, *, threads: int, backend: Backend = "auto", trace: Path | None = None) -> Session:
    """Load the graph in the file `model`.

    With `trace` every operator is timed, as `ReferenceSession` says; only that backend can, and it is taken. `auto`
    falls back to the reference where the lean backend cannot work. TinylmError when the file or its graph is
    refused, or when `lean` was asked for and cannot work here (`BackendUnavailable`).
    """
    # Before ONNX Runtime, which trusts what it reads: weights outside the file would come from a path that the model's
    # author chose.
    read_onnx(model)
    # Exact int8 products, by slower kernels. Only where they are needed: ONNX Runtime itself does not look for VNNI
    # before it converts the weights, which costs 2.3 MB and 5 ms at 2.2 MB of them (measured).
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
