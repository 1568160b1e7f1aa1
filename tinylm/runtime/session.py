"""A model file becomes an open graph, by the backend that is asked for or fits this machine.

    session = open_session(bundle.model, threads=1)                  # lean where it works, else the reference
    session = open_session(bundle.model, threads=1, backend="reference")

Both give the same bits; lean (`tinylm.runtime.lean`) needs less memory and starts sooner, the reference
(`tinylm.runtime.reference`) is onnxruntime's own Python module. Only what is used is loaded.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from tinylm.errors import TinylmError
from tinylm.runtime.contract import BackendUnavailable, Session
from tinylm.runtime.probe_contract import Backend
from tinylm.runtime.requirements import overflows_int8


def open_session(model: Path, *, threads: int, backend: Backend = "auto") -> Session:
    """Load the graph in the file `model`.

    `auto` falls back to the reference where the lean backend cannot work. TinylmError when the graph is refused, or
    when `lean` was asked for and cannot work here (`BackendUnavailable`).
    """
    _refuse_external_data(model)
    # Exact int8 products, by slower kernels. Only where they are needed: ONNX Runtime itself does not look for VNNI
    # before it converts the weights, which costs 2.3 MB and 5 ms at 2.2 MB of them (measured).
    exact_int8 = overflows_int8()
    if backend != "reference":
        from tinylm.runtime.lean import LeanSession

        try:
            return LeanSession(model, threads=threads, exact_int8=exact_int8)
        except BackendUnavailable:
            if backend == "lean":
                raise
    from tinylm.runtime.reference import ReferenceSession

    return ReferenceSession(model, threads=threads, exact_int8=exact_int8)


def _refuse_external_data(model: Path) -> None:
    """Weights outside the model file would be read from a path that the model's author chose.

    The device has no `onnx` to parse the file with, but it needs no parser: every external tensor carries the key
    `location`, byte for byte, and no graph of tinylm contains that word.
    """
    try:
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = data.find(b"location") >= 0
    except (OSError, ValueError) as error:
        raise TinylmError(f"cannot read the model `{model}`: {error}", "export the bundle again") from error
    if found:
        raise TinylmError(f"`{model}` refers to data outside itself; a bundle's model holds all its weights")
