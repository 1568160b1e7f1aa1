"""The backend `onnxruntime`: the bundle's graph in ONNX Runtime. It is the reference, and serves where native cannot.

All memory of a sequence is taken once and stays bound: the key and value buffers are bound as past *and* present,
because the attention operator writes in place only when both are the same memory. A token allocates nothing and binds
nothing. A graph with the capability `sampler` chooses the next token itself; for others `tinylm.runtime.logits` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from tinylm.base.buffer import PAGE_BYTES, Buffer
from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import SAMPLER, GoldenPrompt
from tinylm.bundle.reading import Bundle
from tinylm.onnx.graph_file import read_onnx
from tinylm.runtime.backends.contract import CHUNK_TOKENS, BackendName
from tinylm.runtime.backends.graph_contract import cache_type, check_graph
from tinylm.runtime.backends.onnxruntime_session import SOFTWARE, VERSION, Binding, Session
from tinylm.runtime.logits import cross_entropy, sample, sample_scored, top_logprobs
from tinylm.runtime.requirements import check_version
from tinylm.runtime.sampling import Sampler, ScoredChoice, logits_not_finite

_LIKELIEST = -1.0  # In place of a random number: the cheapest way to choose, also where the choice is not read.


class OnnxruntimeModel:
    """An open graph that is the one its bundle's manifest describes."""

    name: BackendName = "onnxruntime"
    software = SOFTWARE

    def __init__(self, bundle: Bundle, *, threads: int, trace: Path | None = None) -> None:
        """Load the graph; `trace` as in `Session`.

        TinylmError when ONNX Runtime is older than the bundle asks for, or the graph is refused or not the manifest's.
        """
        check_version(bundle.manifest, "onnxruntime", VERSION)
        # Before ONNX Runtime, which trusts what it reads: weights outside the file would come from a path that the
        # model's author chose.
        read_onnx(bundle.model)
        self.config = bundle.manifest.model
        self.samples = SAMPLER in bundle.manifest.graph.capabilities
        """Whether the graph chooses the next token itself."""
        self.cache_type = cache_type(bundle.manifest)
        self.session = Session(bundle.model, threads=threads, trace=trace)
        check_graph(self.session, bundle)

    def sequence(self) -> OnnxruntimeSequence:
        return OnnxruntimeSequence(self)

    def close(self) -> None:
        self.session.close()


class OnnxruntimeSequence:
    """One sequence; a `tinylm.runtime.backends.contract.BackendSequence`."""

    def __init__(self, model: OnnxruntimeModel) -> None:
        config = model.config
        self._session, self._samples, self._vocab_size = model.session, model.samples, config.vocab_size
        self._length = 0
        self._chunk = Buffer((1, CHUNK_TOKENS), "int32")
        # A run reads one of them and writes its choice into the other, which the next run reads: a run must not write
        # what it is reading, and so the choice is where it is needed.
        self._tokens = Buffer((1, 1), "int32"), Buffer((1, 1), "int32")
        self._side = 0
        self._total_length = Buffer((1,), "int32")
        self._logits = Buffer((1, config.vocab_size), "float32")
        self._seen = Buffer((1, config.vocab_size), "uint8")
        self._sampling = Buffer((4,), "float32")
        self._uniform, self._likeliest = Buffer((1,), "float32"), Buffer((1,), "float32")
        self._likeliest.data[0] = _LIKELIEST
        self._logprob = Buffer((1,), "float32")
        cache_shape = (1, config.n_kv_head, config.context_length, config.head_dim)
        self._cache = {
            f"{layer}.{part}": Buffer(cache_shape, model.cache_type)
            for layer in range(config.n_layer)
            for part in ("key", "value")
        }
        self._decode = self._bind(self._tokens[0], self._likeliest, {"logits": self._logits})
        self._choose = self._choosing({}) if self._samples else []
        self._choose_scored: list[Binding] = []
        self._prefill: dict[int, Binding] = {}
        self._sampler: Sampler | None = None
        self._changes = 0

    def prefill(self, ids: Sequence[int]) -> None:
        length = self._length
        for start in range(0, len(ids), CHUNK_TOKENS):
            width = min(len(ids) - start, CHUNK_TOKENS)
            for place in range(width):
                self._chunk.data[place] = ids[start + place]
            binding = self._prefill.get(width)
            if binding is None:
                # The graph reads the number of tokens off the shape of what is bound.
                binding = self._prefill[width] = self._bind(self._chunk.view((1, width)), self._likeliest, {})
            length += width
            self._run(binding, length)
        self._length = length

    def logits(self, token: int) -> memoryview[float]:
        row = self._read(token, self._length + 1)
        self._length += 1
        return row

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        if not self._samples:
            found = sample(self._read(token, self._length + 1), sampler)
            self._length += 1
            return found
        return self._step(token, sampler, self._choose)

    def step_scored(self, token: int, sampler: Sampler, *, alternatives: int) -> ScoredChoice:
        if not self._samples:
            found = sample_scored(self._read(token, self._length + 1), sampler, alternatives=alternatives)
            self._length += 1
            return found
        if not self._choose_scored:
            self._choose_scored = self._choosing({"logits": self._logits})
        chosen, _ = self._step(token, sampler, self._choose_scored)
        self._length -= 1  # an error leaves it as it was
        logprob, likeliest = top_logprobs(self._logits.data, chosen, count=alternatives, forbidden=sampler.forbidden)
        self._length += 1
        return chosen, logprob, likeliest

    def _choosing(self, outputs: dict[str, Buffer]) -> list[Binding]:
        """Bindings with the graph's own choice, for either side of `_tokens` to be read."""
        return [
            self._bind(read, self._uniform, {"next_token": written, "logprob": self._logprob, **outputs})
            for read, written in (self._tokens, reversed(self._tokens))
        ]

    def _step(self, token: int, sampler: Sampler, bindings: list[Binding]) -> tuple[int, float]:
        """What the graph chooses to follow `token`."""
        side, self._side = self._side, 1 - self._side
        self._tokens[side].data[0] = token  # As a rule the graph's own choice, which lies there already.
        if sampler is not self._sampler or sampler.changes != self._changes:
            self._take_over(sampler)
        if sampler.sampling.temperature:
            self._uniform.data[0] = sampler.uniform()
        else:
            self._uniform.data[0] = _LIKELIEST if sampler.sampling.repetition_penalty == 1 else 0.0
        self._run(bindings[side], self._length + 1)
        chosen, logprob = self._tokens[1 - side].data[0], self._logprob.data[0]
        if logprob != logprob:  # The graph's answer to logits that are not finite is NaN.
            raise logits_not_finite()
        if not 0 <= chosen < self._vocab_size:
            raise TinylmError(
                f"the model chose the token id {chosen}, which is not in its vocabulary of {self._vocab_size}",
                "export the bundle again",
                exit_code=1,
            )
        sampler.count(chosen)
        self._seen.data[chosen] = 1
        self._changes = sampler.changes
        self._length += 1
        return chosen, logprob

    def score(self, ids: Sequence[int]) -> list[float]:
        before, self._length = self._length, 0
        nats = [
            cross_entropy(self._read(token, before + place), target)
            for place, (token, target) in enumerate(pairwise(ids), 1)
        ]
        self._length = before + len(nats)
        return nats

    def logits_hash(self, prompts: Sequence[GoldenPrompt]) -> None:
        """None: the last digits of its logits differ between processors."""

    def truncate(self, ids: Sequence[int]) -> None:
        self._length = len(ids)

    def fill_cache(self) -> None:
        for buffer in self._cache.values():
            for place in range(0, len(buffer.data), PAGE_BYTES // 4):  # an element has 1 or 4 bytes
                buffer.data[place] = 0

    def cached(self, layer: int, part: Literal["key", "value"]) -> memoryview[Any]:
        """The cache's own memory of a layer, flat [n_kv_head * context_length * head_dim]."""
        return self._cache[f"{layer}.{part}"].data

    def _take_over(self, sampler: Sampler) -> None:
        """Give the graph another sampler's settings and history, or those of one that read something meanwhile."""
        sampling = sampler.sampling
        if sampling.temperature == 0:
            settings = (0.0, 0.0, 1.0, sampling.repetition_penalty)
        else:
            top_k = min(sampling.top_k, self._vocab_size)
            settings = (sampling.temperature, float(top_k), sampling.top_p, sampling.repetition_penalty)
        for place, value in enumerate(settings):
            self._sampling.data[place] = value
        self._seen.data[:] = memoryview(sampler.seen)[: self._vocab_size]
        self._sampler, self._changes = sampler, sampler.changes

    def _bind(self, input_ids: Buffer, uniform: Buffer, outputs: dict[str, Buffer]) -> Binding:
        """A binding of everything that the graph has but other outputs; nothing is copied."""
        inputs = {"input_ids": input_ids, "total_length": self._total_length}
        if self._samples:
            inputs |= {"seen": self._seen, "sampling": self._sampling, "uniform": uniform}
        inputs |= {f"past.{name}": buffer for name, buffer in self._cache.items()}
        return self._session.bind(inputs, outputs | {f"present.{name}": buffer for name, buffer in self._cache.items()})

    def _read(self, token: int, length: int) -> memoryview[float]:
        """The logits after `token`, which is the last of `length`."""
        self._tokens[0].data[0] = token
        self._run(self._decode, length)
        return self._logits.data

    def _run(self, binding: Binding, length: int) -> None:
        """Run the graph; the sequence then has `length` tokens, if the caller wants it so."""
        self._total_length.data[0] = length
        binding.run()
