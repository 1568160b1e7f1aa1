"""What a request asks of a processor, read off a model's shape: weights, positions, logits, in numbers.

    work = request_work(bundle.manifest, prompt_tokens=16, new_tokens=20)    # Unmodelled, with the reason
    work.latency.int8_rows                                          # int8 weights multiplied by one row of activations

It follows the native engine call by call (tinylm/native/engine/transformer.c), whose loops do the same whatever the
numbers are. `tinylm.budget.estimate.cores` knows how many instructions each quantity takes. What was never counted is
refused: a guess would look like an estimate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import add
from typing import NamedTuple

from tinylm.bundle.manifest import GenerationDefaults, Manifest
from tinylm.runtime.backends.contract import CHUNK_TOKENS
from tinylm.settings.model import ModelConfig

MOST_TOP_K = 100
"""Of more, sorting begins to count."""
_LANES = 16
"""Outputs, inputs and positions come in blocks of so many (tinylm/native/engine/image.h)."""
_TOGETHER = 4
"""Rows of activations that a product of several takes at a time, where the kernel can."""


class Unmodelled(Exception):
    """Nobody has counted what this model does; the message says what it is, as the end of a sentence."""


class Work(NamedTuple):
    """Quantities of work; instructions are a sum of them, each times its cost."""

    requests: float = 0.0
    """Around the engine: what a request does once."""
    prompt_tokens: float = 0.0
    """Around the engine: tokens that were made of a text."""
    tokens: float = 0.0
    """Around the engine: new tokens, which become text."""
    runs: float = 0.0
    """Of the model, each over one token or a chunk of a prompt."""
    layer_rows: float = 0.0
    """Layers of all runs, for every row of activations."""
    products: float = 0.0
    """Calls that multiply with a matrix."""
    int8_rows: float = 0.0
    """int8 weights of products with a single row of activations."""
    int8_fours: float = 0.0
    """int8 weights of products with four rows at once."""
    float_rows: float = 0.0
    float_fours: float = 0.0
    outputs: float = 0.0
    """Of int8 products, to be scaled."""
    quantized: float = 0.0
    """Activations that are made int8."""
    rms_norms: float = 0.0
    """Numbers that go through a norm of `llama`."""
    layer_norms: float = 0.0
    """The same of `classic`."""
    gates: float = 0.0
    """Numbers that go through SwiGLU."""
    gelus: float = 0.0
    rotated: float = 0.0
    """Numbers of queries and keys that RoPE turns."""
    remembered: float = 0.0
    """Numbers put into the cache."""
    int8_remembered: float = 0.0
    heads: float = 0.0
    """Of attention, over all layers and rows."""
    masses: float = 0.0
    """Exponentials of attention: pairs of a row and a cached position, over all heads."""
    pairs: float = 0.0
    """The same times the width of a head, for scores and for sums of values."""
    int8_pairs: float = 0.0
    """The same in an int8 cache."""
    logits: float = 0.0
    """Entries of the vocabulary among which the likeliest is looked for."""
    top_k_logits: float = 0.0
    """And among which the `top_k` likeliest are."""
    penalised_logits: float = 0.0
    """And which the repetition penalty goes through before."""
    candidates: float = 0.0
    """Of top-k, to be ordered and drawn from."""

    def plus(self, other: Work, times: float = 1.0) -> Work:
        """The sum of both, `other` so many times."""
        return Work(*map(add, self, (times * value for value in other)))


@dataclass(frozen=True, kw_only=True)
class RequestWork:
    latency: Work
    ttft: Work
    """Of it, until the first token."""
    itl: Work
    """A token after the first, on average."""


def request_work(manifest: Manifest, *, prompt_tokens: int, new_tokens: int) -> RequestWork:
    """The work of a request of a bundle; `Unmodelled` for what was never counted."""
    config, precision = manifest.model, manifest.quantization
    embedding = precision.embedding or precision.scheme
    model = _Model(
        config=config,
        int8_weights=precision.scheme == "int8",
        int8_embedding=embedding == "int8",
        int8_cache=precision.kv_cache == "int8",
    )
    choice = _choice(config, manifest.generation)
    read = prompt_tokens - 1
    ttft = Work(requests=1, prompt_tokens=prompt_tokens)
    for start in range(0, read, CHUNK_TOKENS):
        ttft = ttft.plus(model.run(min(CHUNK_TOKENS, read - start), start))
    ttft = ttft.plus(model.answer(read)).plus(choice)
    later = _sum(model.answer(read + place).plus(choice) for place in range(1, new_tokens))
    itl = Work(*(value / (new_tokens - 1) for value in later))
    return RequestWork(latency=ttft.plus(later), ttft=ttft, itl=itl)


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A shape as the engine runs it."""

    config: ModelConfig
    int8_weights: bool
    int8_embedding: bool
    int8_cache: bool

    def answer(self, before: int) -> Work:
        """A run over one token after so many, with the logits of what follows."""
        c = self.config
        head = self.int8_embedding if c.architecture == "llama" else self.int8_weights
        last = Work(tokens=1, rms_norms=c.d_model if c.architecture == "llama" else 0)
        return self.run(1, before).plus(last).plus(_product(c.vocab_size, c.d_model, rows=1, int8=head))

    def run(self, rows: int, before: int) -> Work:
        """A run over so many tokens after so many cached ones, without logits."""
        return Work(runs=1).plus(self._layer(rows, before), self.config.n_layer)

    def _layer(self, rows: int, before: int) -> Work:
        c = self.config
        llama, d, keys = c.architecture == "llama", c.d_model, c.n_kv_head * c.head_dim
        inner = 2 * c.d_ff if llama else c.d_ff
        work = self._attention(rows, before)
        for outputs, inputs in ((d + 2 * keys, d), (d, d), (inner, d), (d, c.d_ff)):
            work = work.plus(_product(outputs, inputs, rows=rows, int8=self.int8_weights))
        return work.plus(
            Work(
                layer_rows=rows,
                rms_norms=2 * rows * d if llama else 0,
                layer_norms=0 if llama else 2 * rows * d,
                gates=rows * c.d_ff if llama else 0,
                gelus=0 if llama else rows * c.d_ff,
                rotated=rows * (d + keys) if llama else 0,
                remembered=0 if self.int8_cache else 2 * rows * keys,
                int8_remembered=2 * rows * keys if self.int8_cache else 0,
            )
        )

    def _attention(self, rows: int, before: int) -> Work:
        c = self.config
        slots = min(c.sliding_window or c.context_length, c.context_length)
        seen = [min(before + row + 1, slots) for row in range(rows)]
        blocks = c.n_head * sum(map(_padded, seen))
        pairs = (blocks * c.head_dim + c.n_head * sum(seen) * _padded(c.head_dim)) / 2
        return Work(
            heads=c.n_head * rows,
            masses=blocks,
            pairs=0 if self.int8_cache else pairs,
            int8_pairs=pairs if self.int8_cache else 0,
        )


def _product(outputs: int, inputs: int, *, rows: int, int8: bool) -> Work:
    weights, fours, alone = _padded(outputs) * _padded(inputs), rows // _TOGETHER, rows % _TOGETHER
    if not int8:
        return Work(products=1, float_rows=weights * alone, float_fours=weights * fours)
    return Work(
        products=1,
        int8_rows=weights * alone,
        int8_fours=weights * fours,
        outputs=rows * _padded(outputs),
        quantized=rows * _padded(inputs),
    )


def _choice(config: ModelConfig, generation: GenerationDefaults) -> Work:
    """Of one token."""
    penalised = 0 if generation.repetition_penalty == 1 else config.vocab_size
    work = Work(logits=config.vocab_size, penalised_logits=penalised)
    if generation.temperature == 0:
        return work
    if not 0 < generation.top_k <= MOST_TOP_K:
        what = "off" if generation.top_k == 0 else f"{generation.top_k}"
        raise Unmodelled(f"its `top_k` is {what}: how much there is to sort depends on its probabilities")
    return work.plus(Work(top_k_logits=config.vocab_size, candidates=generation.top_k))


def _padded(count: int) -> int:
    return -(-count // _LANES) * _LANES


def _sum(works: Iterable[Work]) -> Work:
    total = Work()
    for work in works:
        total = total.plus(work)
    return total
