"""The lean backend: an open graph over ONNX Runtime's C library, without numpy and without onnxruntime's own module.

How to call it says `tinylm.runtime.backends.contract`.

Lifetime: a binding keeps its buffers and its session alive. What is not closed is freed by garbage collection, or when
the interpreter exits, in the right order (bindings, session, environment) and exactly once. A forked child frees
nothing of its parent's: the threads that would have to end are not there.

Threads: different bindings run at the same time; one binding runs once at a time. Closing waits for what runs, so a
signal handler, which may interrupt a run, must not close.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.c_api import Api, load
from tinylm.runtime.backends.contract import Buffer, Value, check_bound


class LeanSession:
    """One open graph; a `tinylm.runtime.backends.contract.Session`."""

    def __init__(self, model: Path, *, threads: int = 1, exact_int8: bool = False) -> None:
        """Load the graph in the file `model`, which the caller has checked for data outside of it.

        `exact_int8` chooses slower int8 kernels that cannot overflow, for x86 processors without VNNI
        (`session.x64quantprecision`). BackendUnavailable when ONNX Runtime's C library cannot be used here; another
        TinylmError when the graph is refused.
        """
        self._api = load()
        try:
            handle = self._api.create_session(model, threads=threads, exact_int8=exact_int8)
        except TinylmError as error:
            raise TinylmError(
                f"ONNX Runtime {self._api.version} cannot load `{model}`: {error.message}",
                "upgrade onnxruntime, or export the bundle again",
            ) from error
        self._handle = [handle]
        self._lock = threading.RLock()
        self._end = weakref.finalize(self, _release, self._handle, self._lock, self._api.release_session, os.getpid())
        self._bindings: weakref.WeakSet[LeanBinding] = weakref.WeakSet()
        self.inputs: Mapping[str, Value]
        self.outputs: Mapping[str, Value]
        self.inputs, self.outputs = self._api.values(handle)

    def bind(self, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer]) -> LeanBinding:
        """Bind memory to every input and to the wanted outputs; see `tinylm.runtime.backends.contract.Session`."""
        with self._lock:
            if not self._handle:
                raise TinylmError("the session is closed")
            check_bound(self, inputs, outputs)
            binding = LeanBinding(self, self._api, self._handle[0], inputs, outputs)
            self._bindings.add(binding)
            return binding

    def close(self) -> None:
        """Free the graph and end its bindings, after what runs has ended; closing twice is fine."""
        with self._lock:
            for binding in self._bindings:
                binding.end()
            self._end()


class LeanBinding:
    """A session with memory for its inputs and outputs; made by `LeanSession.bind`."""

    def __init__(
        self,
        session: LeanSession,
        api: Api,
        handle: int,
        inputs: Mapping[str, Buffer],
        outputs: Mapping[str, Buffer],
    ) -> None:
        self._keep_alive = (session, dict(inputs), dict(outputs))
        self._api = api
        self._call = api.run_with_binding
        self._lock = threading.Lock()
        binding = api.create_binding(handle)
        self._arguments = [binding, handle]
        self.end = weakref.finalize(self, _release, self._arguments, self._lock, api.release_binding, os.getpid())
        """Free it; more than once is fine."""
        for name, buffer in inputs.items():
            api.bind(binding, "Input", name, buffer)
        for name, buffer in outputs.items():
            api.bind(binding, "Output", name, buffer)

    def run(self) -> None:
        """Run the graph once; TinylmError when it fails or the session is closed."""
        with self._lock:
            arguments = self._arguments
            if not arguments:
                raise TinylmError("the session is closed")
            status = self._call(arguments[1], None, arguments[0])
        if status:
            try:
                self._api.check(status)
            except TinylmError as error:
                raise TinylmError(
                    f"the model failed while running: {error.message}", "export the bundle again"
                ) from error


def _release(
    handles: list[int], lock: AbstractContextManager[object], release: Callable[[int], None], owner: int
) -> None:
    """Free the first of `handles` and forget them all; not what a forked child has of its parent's."""
    if os.getpid() != owner:
        handles.clear()  # Without the lock: who held it in the parent is not there to give it back.
        return
    with lock:
        handle = handles[0]
        handles.clear()
        release(handle)
