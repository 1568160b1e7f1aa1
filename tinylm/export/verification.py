"""The gates between a checkpoint and its bundle: what is exported must compute what was trained, measured, not assumed.

Every gate is a number with a limit. `verify` measures all of them on engines of the runtime itself, the same code that
runs on the device; `refuse_failures` turns a failed one into an error that says by how much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.base.numerals import number
from tinylm.bundle.manifest import LanguageQuality
from tinylm.export.graph.model_graph import Scheme
from tinylm.export.kernels import CoreKernels
from tinylm.export.quality.predictions import Predict
from tinylm.export.quality.quality import divergence
from tinylm.export.request import ExportRequest
from tinylm.model import weight_shapes
from tinylm.runtime.backends.contract import CHUNK_TOKENS
from tinylm.runtime.engine import Engine
from tinylm.runtime.model import Model
from tinylm.runtime.numpy_sampling import may_choose
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import BOS, Tokenizer

FLOAT_LIMIT = 1e-4
"""Largest logit error of a float32 graph, as a share of the largest logit.

float32 rounds at 6e-8; through some ten layers of sums in another order that grows to about 1e-6, and a trained model's
large activations may cost another ten times. A wrong formula shows as 1e-2 and more.
"""
CHUNK_KL_LIMIT = 0.01
"""Largest mean divergence, in nats, between an int8 prompt read in chunks and the same prompt token by token.

They differ by design: a call has one activation scale for all its tokens. Measured 6e-5 (trained) to .0015 (random).
"""
GOAL_BPB_INCREASE = 0.001
"""What an int8 export should stay below; the hard limit is the caller's. Trained models lose .0001 to .0004."""

SAMPLINGS = (
    Sampling(temperature=0),
    Sampling(temperature=0, repetition_penalty=1.3),
    Sampling(temperature=0.8, seed=0),
    Sampling(temperature=0.8, top_k=40, seed=1),
    Sampling(temperature=0.8, top_p=0.9, seed=2),
    Sampling(temperature=1.0, top_k=100, top_p=0.95, repetition_penalty=1.1, seed=3),
)
"""Every way to choose that the graph's sampler has."""

_PROMPT_TOKENS, _NEW_TOKENS = 24, 24


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One measured value and its limit; it passes when it is a number that is not above the limit."""

    name: str
    measured: float
    limit: float
    unit: str
    meaning: str

    @property
    def passed(self) -> bool:
        return self.measured <= self.limit  # NaN does not pass


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A graph under test, open in the runtime."""

    graph: bytes
    model: Model
    embedding: Scheme
    """The precision of its embedding."""
    quality: Mapping[str, LanguageQuality]
    """What it loses on the held-out text of each language."""


def verify(
    request: ExportRequest,
    candidate: Candidate,
    *,
    tokenizer: Tokenizer,
    kernels: Sequence[CoreKernels],
    trained: Predict,
    fp32: Engine,
    exported: Engine,
) -> tuple[Gate, ...]:
    """Measure every gate on the longest held-out document of each language.

    `exported` runs the candidate's graph and `fp32` the same weights in float32; `kernels` says what the candidate's
    products become on every kind of core.
    """
    config, scheme, embedding = request.config, request.scheme, candidate.embedding
    prompts = measured_prompts(request.held_out, tokenizer, config.context_length)
    gates = [*torch_gates(trained, fp32, prompts), cache_gate(fp32, prompts)]
    if scheme == "int8":
        gates += [chunk_gate(exported, prompts), integer_gate(config, kernels, embedding)]
    gates += [sampler_gate(exported, prompts), size_gate(config, candidate.graph, scheme, embedding)]
    gates += [
        quality_gate(language, candidate.quality[language], request.max_bpb_increase) for language in request.held_out
    ]
    return tuple(gates)


def refuse_failures(gates: Sequence[Gate]) -> None:
    """Raise TinylmError (exit code 1) that names every failed gate, its value, its limit, and by how much it failed."""
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        parts = [
            f"`{gate.name}` is {number(gate.measured)} {gate.unit}, {number(gate.measured - gate.limit)} over the limit"
            f" {number(gate.limit)} ({gate.meaning})"
            for gate in failed
        ]
        raise TinylmError(
            "the export failed its gates: " + "; ".join(parts),
            "nothing was written; `--fp32` exports without quantization"
            if all(gate.name.startswith(("bpb_increase", "int8")) for gate in failed)
            else "nothing was written; this is a defect of tinylm or of the checkpoint",
            exit_code=1,
        )


def torch_gates(trained: Predict, fp32: Engine, prompts: Sequence[Sequence[int]]) -> list[Gate]:
    """The float32 graph against the module that was trained: every logit of every prompt and of its continuation.

    The graph continues greedily; the module reads what came of it, and must choose the same everywhere.
    """
    decoded = [_greedy(fp32, prompt) for prompt in prompts]
    errors, wrong = [], 0
    for prompt, (_, found), expected in zip(prompts, decoded, trained([ids for ids, _ in decoded]), strict=True):
        errors.append(_relative_error(found, expected.numpy()))
        wrong += int((found.argmax(-1) != expected.numpy().argmax(-1))[len(prompt) - 1 :].sum())
    return [
        Gate(
            name="torch_logits",
            measured=float(np.max(errors)),
            limit=FLOAT_LIMIT,
            unit="of the largest logit",
            meaning="largest difference between the fp32 graph and the torch module",
        ),
        Gate(
            name="torch_greedy",
            measured=wrong,
            limit=0,
            unit="tokens",
            meaning="greedy tokens where the fp32 graph and the torch module disagree",
        ),
    ]


def cache_gate(fp32: Engine, prompts: Sequence[Sequence[int]]) -> Gate:
    """Token by token with the cache, against a fresh prefill of every beginning, in chunks, over a used cache."""
    errors = []
    for prompt in prompts:
        stepped = logits_by_token(fp32, prompt)
        errors += [
            _relative_error(_fresh(fp32, prompt[:length]), stepped[length - 1])
            for length in range(1, len(prompt) + 1, 5)
        ]
    return Gate(
        name="cached_decode",
        measured=float(np.max(errors)),  # unlike max(), it does not lose a NaN
        limit=FLOAT_LIMIT,
        unit="of the largest logit",
        meaning="largest difference between decoding with the cache and reading the prefix again",
    )


def chunk_gate(exported: Engine, prompts: Sequence[Sequence[int]]) -> Gate:
    """An int8 prompt read in chunks, as the runtime does, against the same prompt token by token."""
    total, count = 0.0, 0
    for prompt in prompts:
        lengths = range(CHUNK_TOKENS + 1, len(prompt) + 1)
        if lengths:
            fresh = np.array([_fresh(exported, prompt[:length]) for length in lengths])
            total += divergence(
                torch.from_numpy(logits_by_token(exported, prompt)[CHUNK_TOKENS:]), torch.from_numpy(fresh)
            )
            count += len(lengths)
    return Gate(
        name="int8_chunks",
        measured=total / max(count, 1),
        limit=CHUNK_KL_LIMIT,
        unit="nats",
        meaning="mean divergence between a prompt read in chunks and token by token",
    )


def sampler_gate(exported: Engine, prompts: Sequence[Sequence[int]]) -> Gate:
    """The graph's choices after every token of the prompts, against numpy's from the same logits and random numbers."""
    wrong = 0
    for prompt in prompts:
        stepped = logits_by_token(exported, prompt)
        for sampling in SAMPLINGS:
            sampler, reference = Sampler(sampling), Sampler(sampling)
            sampler.observe(prompt)
            exported.truncate(0)
            for token, logits in zip(prompt, stepped, strict=True):
                seen = bytes(sampler.seen)
                chosen, _ = exported.step(token, sampler)
                uniform = reference.uniform() if sampling.temperature else 0.0
                wrong += not may_choose(chosen, logits, sampling, seen=seen, uniform=uniform)
    return Gate(
        name="sampler",
        measured=wrong,
        limit=0,
        unit="tokens",
        meaning="tokens where the graph's sampler and its reference in numpy choose differently",
    )


def integer_gate(config: ModelConfig, kernels: Sequence[CoreKernels], embedding: Scheme) -> Gate:
    """Every matrix product must be integer inside, on every kind of core; but a head that is a float32 embedding."""
    float_heads = int(embedding == "fp32" and "head.weight" not in weight_shapes(config))
    return Gate(
        name="int8_products",
        measured=max(core.products - core.integer for core in kernels) - float_heads,
        limit=0,
        unit="products",
        meaning="matrix products that are not integer inside on some kind of core"
        + (", beside the head, which is the fp32 embedding" if float_heads else ""),
    )


def size_gate(config: ModelConfig, graph: bytes, scheme: Scheme, embedding: Scheme) -> Gate:
    """The file holds every weight once and next to nothing else: a second copy of the embedding would show."""
    shapes = weight_shapes(config)
    angles = config.context_length * config.head_dim if config.architecture == "llama" else 0
    limit = 4 * angles
    for name, shape in shapes.items():
        int8 = len(shape) == 2 and (embedding if name == "embedding.weight" else scheme) == "int8"
        # int8: a byte a weight and a float32 scale a row
        limit += shape[0] * (shape[1] + 4) if int8 else 4 * math.prod(shape)
    structure = 4096 * (config.n_layer + 4)  # names and nodes, 10 KB of them the sampler's; about half of it is used
    return Gate(
        name="graph_bytes",
        measured=len(graph),
        limit=limit + structure,
        unit="bytes",
        meaning="size of the graph, where every weight is stored once",
    )


def quality_gate(language: str, quality: LanguageQuality, limit: float) -> Gate:
    """The loss of bits per byte, judged by the upper end of its interval where there is one.

    The gate promises that no more than the limit is lost, and the text must show it: of the models that lie exactly on
    the limit, half would pass by the point estimate, and one in forty passes by the upper end of a 95 % interval.
    """
    return Gate(
        name=f"bpb_increase.{language}",
        measured=quality.intervals.bpb_increase[1] if quality.intervals else quality.bpb_increase,
        limit=limit,
        unit="bits per byte",
        meaning=("upper 95 % end of the loss" if quality.intervals else "loss")
        + f" of quality against fp32 on held-out text; the goal is {GOAL_BPB_INCREASE}",
    )


def measured_prompts(
    held_out: Mapping[str, Sequence[str]], tokenizer: Tokenizer, context_length: int
) -> list[list[int]]:
    """Three prompts of the longest document of each language."""
    longest = [max(documents, key=len) for documents in held_out.values()]
    return [prompt for text in longest for prompt in cut_prompts([BOS, *tokenizer.encode(text)], context_length)]


def cut_prompts(ids: Sequence[int], context_length: int) -> list[list[int]]:
    """Three prompts from the beginning, middle and end of a text; fewer tokens when the context is small."""
    length = min(_PROMPT_TOKENS, context_length, len(ids))
    return [list(ids[start : start + length]) for start in (0, (len(ids) - length) // 2, len(ids) - length)]


def _greedy(engine: Engine, prompt: Sequence[int]) -> tuple[list[int], NDArray[np.float32]]:
    """The prompt with its greedy continuation but for the last token, and the logits [T, V] after each of these."""
    ids, rows = list(prompt), []
    engine.truncate(0)
    for place in range(min(len(prompt) + _NEW_TOKENS, engine.context_length)):
        rows.append(np.array(engine.logits(ids[place])))
        if place + 1 == len(ids):
            ids.append(int(rows[-1].argmax()))
    return ids[: len(rows)], np.array(rows)


def logits_by_token(engine: Engine, ids: Sequence[int]) -> NDArray[np.float32]:
    """Logits [T, V] of every position, one token at a time."""
    engine.truncate(0)
    return np.array([np.array(engine.logits(token)) for token in ids])


def _fresh(engine: Engine, ids: Sequence[int]) -> NDArray[np.float32]:
    """Logits [V] of the last position after a prefill, as generation starts."""
    engine.truncate(0)
    engine.prefill(ids[:-1])
    return np.array(engine.logits(ids[-1]))


def _relative_error(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())
