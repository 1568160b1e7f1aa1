"""A bundle's model, open and checked: shared by the engines that generate with it, one for each sequence.

Opening costs most of a process's memory and start-up time; an engine adds a KV cache and a few buffers. So a program
opens a model once and makes an engine for each text:

    with Model(open_bundle(path), threads=2) as model:
        with Engine(model) as first, Engine(model) as second:
            ...

A model is thread-safe, an engine is not: engines of one model run at the same time in different threads, and each gives
the tokens that it would give alone. Close the model after its engines: what is asked of them afterwards is an error.
"""

from __future__ import annotations

from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend, BackendModel
from tinylm.runtime.backends.opening import open_backend
from tinylm.runtime.requirements import check_requirements


class Model:
    """An open model that is the one its bundle's manifest describes."""

    def __init__(
        self, bundle: Bundle, *, threads: int = 1, backend: Backend = "auto", trace: Path | None = None
    ) -> None:
        """Load the bundle's model; `trace` is for profiling, as in `open_backend`.

        TinylmError when this device lacks what the bundle needs, or the model cannot be loaded or is not the one that
        the manifest says.
        """
        if threads < 1:
            raise TinylmError(f"threads is {threads}; at least 1 is needed")
        check_requirements(bundle.manifest)
        self.config = bundle.manifest.model
        self.backend: BackendModel = open_backend(bundle, threads=threads, backend=backend, trace=trace)
        """What runs it, and under which `name`."""

    def close(self) -> None:
        """Free the model; its engines cannot be used any more. Closing twice is fine."""
        self.backend.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
