"""A bundle's model and one sequence: token ids in, the next token or logits out, with a KV cache updated in place.

Memory and time decide the shape of this file. All memory is taken once and stays bound: the key and value buffers are
bound as past *and* present, because the attention operator writes in place only when both are the same memory. A token
allocates nothing and binds nothing. A graph with the capability `sampler` chooses the next token itself; for others
numpy does, with the same result. Which library runs the graph is up to `tinylm.runtime.session`.

    with Engine(open_bundle(path)) as engine:
        engine.prefill(ids[:-1])
        token, logprob = engine.step(ids[-1], sampler)
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal

from tinylm.bundle import SAMPLER, Bundle, Manifest
from tinylm.errors import TinylmError
from tinylm.runtime.buffers import Buffer
from tinylm.runtime.contract import Binding, Session, Value
from tinylm.runtime.probe_contract import Backend
from tinylm.runtime.requirements import check_requirements
from tinylm.runtime.sampling import Sampler
from tinylm.runtime.session import open_session

CHUNK_TOKENS = 16
"""The most tokens of one prefill call: int8 activations share one scale per call, so longer calls are less exact."""

_LIKELIEST = -1.0  # In place of a random number: the cheapest way to choose, also where nobody reads the choice.


class Engine:
    """One loaded model and one sequence. Not thread-safe: one Engine per thread that generates."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, backend: Backend = "auto") -> None:
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
        self.samples = SAMPLER in bundle.manifest.graph.capabilities
        """Whether the graph chooses the next token itself."""
        self._length = 0
        self._session: Session = open_session(bundle.model, threads=threads, backend=backend)
        _check_graph(self._session, bundle)

        self._chunk = Buffer((1, CHUNK_TOKENS), "int32")
        self._token = Buffer((1, 1), "int32")
        self._total_length = Buffer((1,), "int32")
        self._logits = Buffer((1, config.vocab_size), "float32")
        self._seen = Buffer((1, config.vocab_size), "uint8")
        self._sampling = Buffer((4,), "float32")
        self._uniform, self._likeliest = Buffer((1,), "float32"), Buffer((1,), "float32")
        self._likeliest.data[0] = _LIKELIEST
        self._next_token = Buffer((1, 1), "int32")
        self._logprob = Buffer((1,), "float32")
        cache_shape = (1, config.n_kv_head, config.context_length, config.head_dim)
        self._cache = {
            f"{layer}.{part}": Buffer(cache_shape, _cache_type(bundle.manifest))
            for layer in range(config.n_layer)
            for part in ("key", "value")
        }
        chosen = {"next_token": self._next_token, "logprob": self._logprob} if self.samples else {}
        self._decode: Binding | None = self._bind(self._token, self._likeliest, {"logits": self._logits})
        self._choose: Binding | None = self._bind(self._token, self._uniform, chosen)
        self._prefill: dict[int, Binding] = {}
        self._sampler: Sampler | None = None
        self._changes = 0

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
            width = min(len(ids) - start, CHUNK_TOKENS)
            for place in range(width):
                self._chunk.data[place] = ids[start + place]
            binding = self._prefill.get(width)
            if binding is None:
                # The graph reads the number of tokens off the shape of what is bound.
                binding = self._prefill[width] = self._bind(self._chunk.view((1, width)), self._likeliest, {})
            self._run(binding, width)

    def logits(self, token: int) -> memoryview[float]:
        """Append `token` and return the logits of what follows it: float32 [vocab_size], valid until the next call.

        TinylmError, with the cache as it was, when the id is not in the vocabulary or the context is full.
        """
        self._check_room(1)
        self._check_token(token)
        self._token.data[0] = token
        self._run(self._decode, 1)
        return self._logits.data

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        """Append `token`; return the token that `sampler` chooses to follow it, and its log-probability in nats.

        The chosen token is not in the cache yet: pass it to the next `step`. Errors as in `logits`, and TinylmError
        when the logits are not finite.
        """
        if not self.samples:
            return sampler(self.logits(token))
        self._check_room(1)
        self._check_token(token)
        self._token.data[0] = token
        if sampler is not self._sampler or sampler.changes != self._changes:
            self._take_over(sampler)
        if sampler.sampling.temperature:
            self._uniform.data[0] = sampler.uniform()
        else:
            self._uniform.data[0] = _LIKELIEST if sampler.sampling.repetition_penalty == 1 else 0.0
        self._run(self._choose, 1)
        chosen, logprob = self._next_token.data[0], self._logprob.data[0]
        if logprob != logprob:  # The graph's answer to logits that are not finite is NaN.
            raise TinylmError("the model's logits are NaN or infinite", "export the bundle again", exit_code=1)
        sampler.count(chosen)
        self._seen.data[chosen] = 1
        self._changes = sampler.changes
        return chosen, logprob

    def cached(self, layer: int, part: Literal["key", "value"]) -> memoryview[Any]:
        """The cache's own memory of a layer, flat [n_kv_head * context_length * head_dim]; valid until it is closed."""
        return self._cache[f"{layer}.{part}"].data

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` tokens; costs nothing."""
        if not 0 <= length <= self._length:
            raise TinylmError(f"cannot truncate to {length} tokens; the cache holds {self._length}")
        self._length = length

    def close(self) -> None:
        """Free the model and the cache; the engine cannot be used any more. Closing twice is fine."""
        self._session.close()
        self._decode = self._choose = None  # bindings keep the buffers alive
        self._prefill, self._cache = {}, {}
        self._length = 0

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_over(self, sampler: Sampler) -> None:
        """Give the graph another sampler's settings and history, or those of one that read something meanwhile."""
        sampling = sampler.sampling
        if sampling.temperature == 0:
            settings = (0.0, 0.0, 1.0, sampling.repetition_penalty)
        else:
            top_k = min(sampling.top_k, self.vocab_size)
            settings = (sampling.temperature, float(top_k), sampling.top_p, sampling.repetition_penalty)
        for place, value in enumerate(settings):
            self._sampling.data[place] = value
        self._seen.data[:] = memoryview(sampler.seen)[: self.vocab_size]
        self._sampler, self._changes = sampler, sampler.changes

    def _bind(self, input_ids: Buffer, uniform: Buffer, outputs: dict[str, Buffer]) -> Binding:
        """A binding of everything that the graph has but other outputs; nothing is copied."""
        inputs = {"input_ids": input_ids, "total_length": self._total_length}
        if self.samples:
            inputs |= {"seen": self._seen, "sampling": self._sampling, "uniform": uniform}
        inputs |= {f"past.{name}": buffer for name, buffer in self._cache.items()}
        return self._session.bind(inputs, outputs | {f"present.{name}": buffer for name, buffer in self._cache.items()})

    def _run(self, binding: Binding | None, width: int) -> None:
        if binding is None:
            raise TinylmError("the engine is closed")
        self._total_length.data[0] = self._length + width
        binding.run()
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


def _check_graph(session: Session, bundle: Bundle) -> None:
    """Compare names, types and shapes of the graph with what the manifest promises; TinylmError names the first."""
    manifest, where = bundle.manifest, f"`{bundle.model}`"
    inputs, outputs = _expected_values(manifest)
    for kind, found, expected, listed in (
        ("input", session.inputs, inputs, manifest.graph.inputs),
        ("output", session.outputs, outputs, manifest.graph.outputs),
    ):
        for names, whose in ((expected.keys(), "this tinylm"), (listed, "the manifest")):
            for name in sorted(found.keys() ^ set(names)):
                having = f"has the {kind} `{name}`, unknown to" if name in found else f"lacks the {kind} `{name}` of"
                raise TinylmError(f"{where} {having} {whose}", "export the bundle again, or upgrade tinylm")
        for name, value in expected.items():
            if found[name] != value:
                raise TinylmError(
                    f"{where}: the {kind} `{name}` is {_described(found[name])}; the manifest's model has"
                    f" {_described(value)}",
                    "export the bundle again",
                )


def _expected_values(manifest: Manifest) -> tuple[dict[str, Value], dict[str, Value]]:
    """The inputs and outputs of the graph contract by name."""
    config = manifest.model
    inputs = {"input_ids": Value("int32", (1, None)), "total_length": Value("int32", (1,))}
    outputs = {"logits": Value("float32", (1, config.vocab_size))}
    if SAMPLER in manifest.graph.capabilities:
        inputs |= {
            "seen": Value("uint8", (1, config.vocab_size)),
            "sampling": Value("float32", (4,)),
            "uniform": Value("float32", (1,)),
        }
        outputs |= {"next_token": Value("int32", (1, 1)), "logprob": Value("float32", (1,))}
    cache = Value(_cache_type(manifest), (1, config.n_kv_head, config.context_length, config.head_dim))
    for layer in range(config.n_layer):
        for part in ("key", "value"):
            inputs[f"past.{layer}.{part}"] = outputs[f"present.{layer}.{part}"] = cache
    return inputs, outputs


def _cache_type(manifest: Manifest) -> str:
    return "int8" if manifest.quantization.kv_cache == "int8" else "float32"


def _described(value: Value) -> str:
    return f"{value.type} {list(value.shape)}"
