"""Torch and the runtime on the same weights say the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import numpy as np
import pytest
import torch

from tinylm.bundle.reading import Bundle
from tinylm.evaluation import costs, model_scoring
from tinylm.evaluation.documents import TextDocument
from tinylm.model import from_weights, weight_shapes
from tinylm.pipeline.evaluated import score_by_runtime
from tinylm.runtime.engine import Engine
from tinylm.runtime.scoring import score_ids, text_bits
from tinylm.tokenizer.tokenizer import BOS, Tokenizer

MakeBundle = Callable[..., Bundle]


def same_weights(bundle: Bundle) -> dict[str, np.ndarray]:
    """The weights that `make_bundle` draws for a configuration."""
    rng = np.random.default_rng(0)
    weights = {
        name: np.asarray(
            1 + 0.1 * rng.standard_normal(shape) if len(shape) == 1 else rng.standard_normal(shape) / shape[1] ** 0.5,
            np.float32,
        )
        for name, shape in weight_shapes(bundle.manifest.model).items()
    }
    weights["norm.weight"] *= 3
    weights["embedding.weight"][1] = 0
    return weights


def test_torch_and_the_runtime_agree_token_by_token(make_bundle: MakeBundle) -> None:
    bundle = make_bundle(scheme="fp32")
    model = from_weights(bundle.manifest.model, same_weights(bundle))
    rng = np.random.default_rng(3)
    streams = [np.array([BOS, *rng.integers(4, 128, n)]) for n in (0, 1, 20, 47, 48, 49, 97, 130)]
    found = [np.full(len(stream) - 1, np.nan) for stream in streams]
    for number, first, nats in chain.from_iterable(model_scoring.score(model, streams, context_length=48)):
        assert np.isnan(found[number][first : first + len(nats)]).all()  # nothing twice
        found[number][first : first + len(nats)] = nats
    with Engine(bundle) as engine:
        for stream, nats in zip(streams, found, strict=True):
            # fp32 in another order of sums: 1e-5 of logits that are some units large
            np.testing.assert_allclose(nats, score_ids(engine, stream.tolist()), atol=2e-4)
        scored = list(chain.from_iterable(score_by_runtime(engine, streams)))
        expected = [score_ids(engine, stream.tolist()) for stream in streams]
    joined = [np.concatenate([n for i, _, n in scored if i == k] or [np.empty(0)]) for k in range(len(streams))]
    for nats, exact in zip(joined, expected, strict=True):
        np.testing.assert_allclose(nats, exact, atol=1e-12)  # the same in float64 by numpy


def test_a_document_without_an_end_costs_what_the_runtime_says(make_bundle: MakeBundle) -> None:
    """The bits of golden.json, which the device measures again."""
    bundle = make_bundle(scheme="int8")
    tokenizer = Tokenizer(bundle.tokenizer)
    text = "sañolu mité the can out 漢.\n" * 20
    document = TextDocument(text=text, language="en", source="made up", ends=False)
    with Engine(bundle) as engine:
        (found,) = costs.measure(
            [document],
            tokenizer=tokenizer,
            score=lambda streams: score_by_runtime(engine, streams),
            say=lambda line: None,
        )
        bits, tokens = text_bits(engine, tokenizer, text)
    assert found.whole.tokens == tokens
    assert found.whole.bits == pytest.approx(bits, rel=1e-12)


def test_batches_hold_windows_of_similar_length() -> None:
    lengths = [5, 300, 1, 17, 256, 2000]
    streams = [np.zeros(n + 1, np.int64) for n in lengths]
    batches = list(model_scoring.batches(streams, 256, tokens=4096))
    assert sorted((n, f) for batch in batches for n, f, _ in batch) == sorted(
        (n, f) for n, length in enumerate(lengths) for f in range(0, length, 256)
    )
    for batch in batches:
        assert len(batch) * batch[0][2] <= 4096
        assert batch[0][2] == max(length for _, _, length in batch)


def test_progress_tells_the_pace(monkeypatch: pytest.MonkeyPatch, make_bundle: MakeBundle) -> None:
    monkeypatch.setattr("tinylm.base.progress.EVERY_S", 0)
    tokenizer = Tokenizer(make_bundle().tokenizer)
    told: list[str] = []
    document = TextDocument(text="the", language="en", source="made up", ends=True)

    def score(streams):  # type: ignore[no-untyped-def]
        yield [(0, 0, np.zeros(len(streams[0]) - 1))]

    costs.measure([document], tokenizer=tokenizer, score=score, say=told.append)
    documents, tokens = told
    assert documents.startswith("  tokens: 1 of 1 documents, 0:00:00 left, ")
    assert tokens.startswith("  scoring: ")
    assert tokens.endswith(" tokens/s")


def test_the_model_comes_back_as_it_was_when_a_reader_stops_early(make_bundle: MakeBundle) -> None:
    bundle = make_bundle(scheme="fp32")
    model = from_weights(bundle.manifest.model, same_weights(bundle)).train()
    scores = model_scoring.score(model, [np.arange(40), np.arange(40)], context_length=8, dtype=torch.float32)
    next(scores)
    assert not model.training
    scores.close()
    assert model.training
