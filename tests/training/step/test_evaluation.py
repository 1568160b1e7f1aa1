"""Bits per byte of validation text against a slow direct computation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tinylm.dataset.dataset import Dataset
from tinylm.dataset.encoding import write_shards
from tinylm.dataset.shards import Index
from tinylm.model import TinyTransformer, build
from tinylm.settings.run import RunRequest
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import BOS, UNK, Tokenizer
from tinylm.training.step.evaluation import ALL, Validation

CONTEXT = 32


@pytest.fixture(scope="module")
def tokenizer(dataset: Dataset) -> Tokenizer:
    return dataset.tokenizer()


@pytest.fixture(scope="module")
def model(small_run: RunRequest) -> TinyTransformer:
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


def direct(model: TinyTransformer, ids: list[int]) -> tuple[float, int]:
    """Nats in float64, one position at a time; a document's windows of CONTEXT inputs share their border token."""
    nats, count, start = 0.0, 0, 0
    double = model.double()
    for target, token in enumerate(ids):
        if token == BOS:
            start = target
            continue
        window = start + (target - 1 - start) // CONTEXT * CONTEXT
        with torch.no_grad():
            logits = double(torch.tensor([ids[window:target]]))[0, -1]
        nats -= float(torch.log_softmax(logits, 0)[token])
        count += 1
    model.float()
    return nats, count


@pytest.mark.parametrize("batch_tokens", [1, 3 * CONTEXT, 4096])
def test_quality_equals_the_direct_computation(
    model: TinyTransformer,
    tokenizer: Tokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    batch_tokens: int,
) -> None:
    monkeypatch.setattr("tinylm.evaluation.model_scoring._BATCH_TOKENS", batch_tokens)
    monkeypatch.setattr("tinylm.evaluation.model_scoring._CHUNK", 40)
    index: Index = write_shards({f"val-{name}": pieces for name, pieces in PIECES.items()}, tokenizer, tmp_path)
    found = Validation(tmp_path, index, context_length=CONTEXT).evaluate(model, dtype=torch.float32)
    assert set(found) == {"en", "es", ALL}
    sums = np.zeros(4)
    for language, pieces in PIECES.items():
        ids = [i for p in pieces for i in [BOS, *tokenizer.encode(p.text), *([1] if p.end else [])]]
        nats, count = direct(model, ids)
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
    quality = Validation(tmp_path, index, context_length=CONTEXT).evaluate(model, dtype=torch.float32)
    nats, count = direct(model, [BOS, *tokenizer.encode(text)])
    assert quality["en"].tokens == count == length
    assert quality["en"].loss == pytest.approx(nats / count, rel=1e-5)


def test_what_stands_before_a_document_does_not_matter(
    model: TinyTransformer, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    found = []
    for folder, order in (("a", PIECES["en"]), ("b", PIECES["en"][::-1])):
        index = write_shards({"val-en": order}, tokenizer, tmp_path / folder)
        found.append(Validation(tmp_path / folder, index, context_length=CONTEXT))
    first, second = (validation.evaluate(model, dtype=torch.float32)["en"] for validation in found)
    assert first.loss == pytest.approx(second.loss, rel=1e-7)


def test_evaluation_leaves_the_model_as_it_was(model: TinyTransformer, tokenizer: Tokenizer, tmp_path: Path) -> None:
    index = write_shards({"val-es": PIECES["es"]}, tokenizer, tmp_path)
    validation = Validation(tmp_path, index, context_length=CONTEXT)
    for training in (True, False):
        model.train(training)
        validation.evaluate(model, dtype=torch.float32)
        assert model.training == training
        assert all(parameter.grad is None for parameter in model.parameters())


def test_bf16_is_near_fp32(model: TinyTransformer, tokenizer: Tokenizer, tmp_path: Path) -> None:
    index = write_shards({"val-es": PIECES["es"]}, tokenizer, tmp_path)
    validation = Validation(tmp_path, index, context_length=CONTEXT)
    exact, rounded = (validation.evaluate(model, dtype=dtype)["es"].loss for dtype in (torch.float32, torch.bfloat16))
    # logits of some units carry 8 bits of mantissa: a few hundredths each, which mostly average out
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.03)
