"""Bits per byte of validation text against a slow direct computation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tinylm.config import RunConfig
from tinylm.corpus.documents import Piece
from tinylm.model import TinyTransformer, build
from tinylm.tokenizer import BOS, UNK, Tokenizer
from tinylm.tokens.encoding import write_shards
from tinylm.tokens.shards import Index
from tinylm.training.dataset import Dataset
from tinylm.training.evaluation import ALL, Validation

CONTEXT = 32


@pytest.fixture(scope="module")
def tokenizer(dataset: Dataset) -> Tokenizer:
    return dataset.tokenizer()


@pytest.fixture(scope="module")
def model(small_run: RunConfig) -> TinyTransformer:
    torch.manual_seed(1)
    model = build(small_run.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 8 if parameter.dim() == 2 else 1  # sharp enough that positions matter
    return model


PIECES = {
    "en": [
        Piece("The king opened the door. " * 9, "en", "a", start=True, end=True),
        Piece("A 日本 queen said\nto 本 the sun.", "en", "b", start=True, end=False),  # 9 bytes that nobody has learned
        Piece("Once upon a night.", "en", "b", start=False, end=True),
    ],
    "es": [Piece("El rey abrió la puerta.", "es", "c", start=True, end=True)],
}


def direct(model: TinyTransformer, ids: list[int], *, separate_documents: bool) -> tuple[float, int]:
    """Nats in float64, one position at a time; windows of CONTEXT inputs that share their border token."""
    nats, count = 0.0, 0
    double = model.double()
    for target in range(1, len(ids)):
        start = (target - 1) // CONTEXT * CONTEXT
        if ids[target] == BOS:
            continue
        if separate_documents and BOS in ids[start:target]:
            start = target - 1 - ids[start:target][::-1].index(BOS)
        with torch.no_grad():
            logits = double(torch.tensor([ids[start:target]]))[0, -1]
        nats -= float(torch.log_softmax(logits, 0)[ids[target]])
        count += 1
    model.float()
    return nats, count


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("separate", [True, False])
def test_quality_equals_the_direct_computation(
    model: TinyTransformer, tokenizer: Tokenizer, tmp_path: Path, batch_size: int, separate: bool
) -> None:
    index: Index = write_shards({f"val-{name}": pieces for name, pieces in PIECES.items()}, tokenizer, tmp_path)
    validation = Validation(tmp_path, index, context_length=CONTEXT, batch_size=batch_size, separate_documents=separate)
    found = validation.evaluate(model, dtype=torch.float32)
    assert set(found) == {"en", "es", ALL}
    sums = np.zeros(4)
    for language, pieces in PIECES.items():
        ids = [i for p in pieces for i in [BOS, *tokenizer.encode(p.text), *([1] if p.end else [])]]
        nats, count = direct(model, ids, separate_documents=separate)
        unknown = sum(len(c.encode()) for p in pieces for c in p.text if UNK in tokenizer.encode(c))
        size = sum(len(p.text.encode()) for p in pieces)
        assert (unknown > 0) == (language == "en")
        quality = found[language]
        assert quality.tokens == count == len(ids) - ids.count(BOS)  # every token once, BOS never
        assert quality.loss == pytest.approx(nats / count, rel=1e-5)
        assert quality.perplexity == pytest.approx(math.exp(nats / count), rel=1e-4)
        assert quality.bits_per_byte == pytest.approx((nats / math.log(2) + 8 * unknown) / size, rel=1e-5)
        sums += (nats, count, unknown, size)
    assert found[ALL].tokens == sums[1]
    assert found[ALL].loss == pytest.approx(sums[0] / sums[1], rel=1e-5)
    assert found[ALL].bits_per_byte == pytest.approx((sums[0] / math.log(2) + 8 * sums[2]) / sums[3], rel=1e-5)


@pytest.mark.parametrize("length", [CONTEXT - 2, CONTEXT - 1, CONTEXT, CONTEXT + 1, 2 * CONTEXT, 1])
def test_every_length_is_covered_once(
    model: TinyTransformer, tokenizer: Tokenizer, tmp_path: Path, length: int
) -> None:
    text = "\n" * length  # a token each
    index = write_shards({"val-en": [Piece(text, "en", "x", start=True, end=False)]}, tokenizer, tmp_path)
    validation = Validation(tmp_path, index, context_length=CONTEXT, batch_size=2, separate_documents=True)
    quality = validation.evaluate(model, dtype=torch.float32)
    nats, count = direct(model, [BOS, *tokenizer.encode(text)], separate_documents=True)
    assert quality["en"].tokens == count == length
    assert quality["en"].loss == pytest.approx(nats / count, rel=1e-5)


def test_evaluation_leaves_the_model_as_it_was(model: TinyTransformer, tokenizer: Tokenizer, tmp_path: Path) -> None:
    index = write_shards({"val-es": PIECES["es"]}, tokenizer, tmp_path)
    validation = Validation(tmp_path, index, context_length=CONTEXT, batch_size=2, separate_documents=True)
    for training in (True, False):
        model.train(training)
        validation.evaluate(model, dtype=torch.float32)
        assert model.training == training
        assert all(parameter.grad is None for parameter in model.parameters())
