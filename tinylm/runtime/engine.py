"""The model on ONNX Runtime: token ids in, logits out, with a KV cache of fixed size that is updated in place.

Memory and time decide the shape of this file. The session is opened with the options that need the least memory (no
arena, no memory pattern). All buffers are allocated once and stay bound: the key and value buffers are bound as past
*and* present, because the attention operator writes in place only when both are the same memory. A decoded token
allocates nothing and binds nothing.

    with Engine(open_bundle(path)) as engine:
        engine.prefill(ids[:-1])
        token, logprob = engine.step(ids[-1], sampler)
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tinylm.bundle import Bundle, Manifest
from tinylm.errors import TinylmError
from tinylm.runtime.libraries import giving_back_memory, np, onnxruntime
from tinylm.runtime.requirements import check_requirements, overflows_int8

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tinylm.runtime.sampling import Sampler

CHUNK_TOKENS = 16
"""The most tokens of one prefill call: int8 activations share one scale per call, so longer calls are less exact."""

_QUIET = 4  # ONNX Runtime's severity "fatal": what goes wrong arrives as an exception, not on stderr.


class Engine:
    """One loaded model and one sequence. Not thread-safe: one Engine per thread that generates."""

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        """Load the bundle's graph.

        TinylmError when this device lacks what the bundle needs, or the graph cannot be loaded or is not the one that
        the manifest says.
        """
        if threads < 1:
            raise TinylmError(f"threads is {threads}; at least 1 is needed")
        check_requirements(bundle.manifest)
        config = bundle.manifest.model
        self.context_length = config.context_length
        """The most tokens that the cache holds."""
        self.vocab_size = config.vocab_size
        self._length = 0
        self._session: Any = _open_session(bundle.model, threads)
        _check_graph(self._session, bundle)

        self._chunk = np.zeros((1, CHUNK_TOKENS), np.int32)
        self._token = np.zeros((1, 1), np.int32)
        self._total_length = np.zeros(1, np.int32)
        self._logits = np.zeros((1, config.vocab_size), np.float32)
        self._row: NDArray[np.float32] = self._logits[0]
        cache_shape = (1, config.n_kv_head, config.context_length, config.head_dim)
        self._cache = {
            f"{layer}.{part}": onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(cache_shape, np.float32))
            for layer in range(config.n_layer)
            for part in ("key", "value")
        }
        self._decode = self._bind(self._token)
        self._decode.bind_ortvalue_output("logits", onnxruntime.OrtValue.ortvalue_from_numpy(self._logits))
        self._prefill = self._bind(self._chunk)
        self._prefill_width = CHUNK_TOKENS

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return self._length

    def prefill(self, ids: Sequence[int]) -> None:
        """Append `ids` to the cache in chunks of at most 16 tokens, without logits.

        TinylmError, with the cache as it was, when an id is not in the vocabulary or the context would overflow.
        """
        self._check_room(len(ids))
        for token in ids:
            self._check_token(token)
        for start in range(0, len(ids), CHUNK_TOKENS):
            chunk = ids[start : start + CHUNK_TOKENS]
            width = len(chunk)
            self._chunk[0, :width] = chunk
            if width != self._prefill_width:
                # The graph reads the number of tokens off the shape of what is bound.
                view = onnxruntime.OrtValue.ortvalue_from_numpy(self._chunk[:, :width])
                self._prefill.bind_ortvalue_input("input_ids", view)
                self._prefill_width = width
            self._run(self._prefill, width)

    def logits(self, token: int) -> NDArray[np.float32]:
        """Append `token` and return the logits of what follows it: float32 [vocab_size], valid until the next call.

        TinylmError, with the cache as it was, when the id is not in the vocabulary or the context is full.
        """
        self._check_room(1)
        self._check_token(token)
        self._token[0, 0] = token
        self._run(self._decode, 1)
        return self._row

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; return the token that `sampler` chooses to follow it, and its log-probability in nats.

        The chosen token is not in the cache yet: pass it to the next `step`. Errors as in `logits`.
        """
        return sampler(self.logits(token))

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens; costs nothing."""
        if not 0 <= length <= self._length:
            raise TinylmError(f"cannot truncate to {length} tokens; the cache holds {self._length}")
        self._length = length

    def close(self) -> None:
        """Free the model and the cache; the engine cannot be used any more. Closing twice is fine."""
        self._session = self._decode = self._prefill = None
        self._cache = {}
        self._length = 0

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bind(self, input_ids: NDArray[np.int32]) -> Any:
        """A binding of everything but the logits. ONNX Runtime uses the arrays' own memory; nothing is copied."""
        from_numpy = onnxruntime.OrtValue.ortvalue_from_numpy
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("input_ids", from_numpy(input_ids))
        binding.bind_ortvalue_input("total_length", from_numpy(self._total_length))
        for name, value in self._cache.items():
            binding.bind_ortvalue_input(f"past.{name}", value)
            binding.bind_ortvalue_output(f"present.{name}", value)
        return binding

    def _run(self, binding: Any, width: int) -> None:
        if self._session is None:
            raise TinylmError("the engine is closed")
        self._total_length[0] = self._length + width
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # ONNX Runtime's exceptions share no base class of their own.
            raise TinylmError(f"the model failed while running: {_reason(error)}", "export the bundle again") from error
        self._length += width

    def _check_room(self, width: int) -> None:
        if self._length + width > self.context_length:
            raise TinylmError(
                f"{self._length} tokens and {width} more are too many; the context holds {self.context_length}",
                "truncate the cache or shorten the prompt",
            )

    def _check_token(self, token: int) -> None:
        if not 0 <= token < self.vocab_size:
            raise TinylmError(f"the token id {token} is not in the vocabulary of {self.vocab_size}")


def _open_session(model: Path, threads: int) -> Any:
    """An `onnxruntime.InferenceSession` that needs little memory; TinylmError when the model is refused.

    Operators of unknown domains cannot run: none are registered, so ONNX Runtime itself refuses such a graph.
    """
    _refuse_external_data(model)
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    # A thread that spins between tokens would heat a fanless board for nothing.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if overflows_int8():
        # Exact int8 products, by slower kernels. Only where they are needed: ONNX Runtime itself does not look for VNNI
        # before it converts the weights, which costs 2.3 MB and 5 ms at 2.2 MB of them (measured).
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        with giving_back_memory():
            return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class of their own.
        raise TinylmError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load `{model}`: {_reason(error)}",
            "upgrade onnxruntime, or export the bundle again",
        ) from error


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


def _check_graph(session: Any, bundle: Bundle) -> None:
    """Compare names, types and shapes of the graph with what the manifest promises; TinylmError names the first."""
    manifest, where = bundle.manifest, f"`{bundle.model}`"
    inputs, outputs = _expected_values(manifest)
    for kind, values, expected, listed in (
        ("input", session.get_inputs(), inputs, manifest.graph.inputs),
        ("output", session.get_outputs(), outputs, manifest.graph.outputs),
    ):
        found = {value.name: (value.type, value.shape) for value in values}
        for names, whose in ((expected.keys(), "this tinylm"), (listed, "the manifest")):
            for name in sorted(found.keys() ^ set(names)):
                having = f"has the {kind} `{name}`, unknown to" if name in found else f"lacks the {kind} `{name}` of"
                raise TinylmError(f"{where} {having} {whose}", "export the bundle again, or upgrade tinylm")
        for name, (type_, shape) in expected.items():
            found_type, found_shape = found[name]
            # A free dimension has a name, or none; ONNX Runtime shows a string or None.
            fixed = [dimension if isinstance(dimension, int) else None for dimension in found_shape]
            if (found_type, fixed) != (type_, shape):
                raise TinylmError(
                    f"{where}: the {kind} `{name}` is {found_type} {fixed}; the manifest's model has {type_} {shape}",
                    "export the bundle again",
                )


def _expected_values(
    manifest: Manifest,
) -> tuple[dict[str, tuple[str, list[int | None]]], dict[str, tuple[str, list[int | None]]]]:
    """The inputs and outputs of the graph contract as name -> (type, shape); None is a free dimension."""
    config = manifest.model
    cache: list[int | None] = [1, config.n_kv_head, config.context_length, config.head_dim]
    inputs: dict[str, tuple[str, list[int | None]]] = {
        "input_ids": ("tensor(int32)", [1, None]),
        "total_length": ("tensor(int32)", [1]),
    }
    outputs: dict[str, tuple[str, list[int | None]]] = {"logits": ("tensor(float)", [1, config.vocab_size])}
    for layer in range(config.n_layer):
        for part in ("key", "value"):
            inputs[f"past.{layer}.{part}"] = ("tensor(float)", cache)
            outputs[f"present.{layer}.{part}"] = ("tensor(float)", cache)
    return inputs, outputs


def _reason(error: Exception) -> str:
    """The first line of ONNX Runtime's message, which may go on for a page."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
