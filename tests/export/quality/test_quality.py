"""Quality and its intervals: the runtime's own bits, and intervals that cover as often as they say."""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tinylm.bundle.manifest import QualityIntervals
from tinylm.evaluation.bootstrap import FEWEST_UNITS
from tinylm.export.quality.predictions import by_graph, by_module
from tinylm.export.quality.quality import DocumentSums, _sums, divergence, intervals, score_documents, summarise
from tinylm.export.report import ExportResult
from tinylm.model import from_weights
from tinylm.runtime.engine import Engine
from tinylm.runtime.model import Model
from tinylm.runtime.scoring import text_bits
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import Tokenizer, normalise


def document(*, tokens: int = 100, loss: float = 0.0, divergence: float = 0.0, agreed: int = 100) -> DocumentSums:
    """A document of 4 bytes a token and 5 nats a token in the reference; `loss` in nats over all its tokens."""
    return DocumentSums(
        tokens=tokens,
        text_bytes=4 * tokens,
        unknown_bytes=0,
        nats=5.0 * tokens + loss,
        nats_reference=5.0 * tokens,
        divergence=divergence,
        agreed=agreed,
    )


@pytest.mark.parametrize("documents", [6, 15])
def test_intervals_cover_the_truth_as_often_as_they_say(documents: int) -> None:
    """Documents whose loss is a draw of its own, the same for all its tokens: what makes naive intervals too narrow."""
    rng, covered, repeats = np.random.default_rng(1), 0, 300
    for _ in range(repeats):
        found = intervals([document(loss=loss) for loss in rng.normal(1.0, 0.5, size=documents)])
        assert found
        low, high = found.bpb_increase
        covered += low <= 1.0 / 400 / math.log(2) <= high
    # 95 % of 300 is 285 with a standard deviation of 3.8; up to four of them either way, and less than all.
    assert 270 <= covered < repeats


def test_intervals_are_of_every_figure_and_the_same_again() -> None:
    rng = np.random.default_rng(2)
    sums = [document(loss=x, divergence=x * x, agreed=100 - i % 3) for i, x in enumerate(rng.normal(size=40))]
    found = intervals(sums)
    assert found
    assert found == intervals(sums)
    losses, divergences = np.array([d.nats - d.nats_reference for d in sums]), np.array([d.divergence for d in sums])
    # All documents are equally long, so a figure is a mean, and its interval about 2 standard errors either way.
    for (low, high), values in (
        (found.bpb_increase, losses / 400 / math.log(2)),
        (found.kl, divergences / 100),
        (found.top1_agreement, np.array([d.agreed for d in sums]) / 100),
    ):
        error = values.std(ddof=1) / len(values) ** 0.5
        assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.4 * error)
        assert high - low == pytest.approx(2 * 2.02 * error, rel=0.1)
    assert found.perplexity_fp32 == pytest.approx((math.exp(5), math.exp(5)))


def test_the_difference_is_paired() -> None:
    """Documents that are unequally hard for both models say nothing against their difference."""
    sums = [dataclasses.replace(document(), nats=100.0 * i + 1, nats_reference=100.0 * i) for i in range(FEWEST_UNITS)]
    found = intervals(sums)
    assert found
    assert found.perplexity[1] > 2 * found.perplexity[0]
    assert found.bpb_increase == pytest.approx((1 / 400 / math.log(2),) * 2)


def test_a_few_documents_have_no_interval() -> None:
    assert intervals([document()] * (FEWEST_UNITS - 1)) is None
    assert intervals([document()] * FEWEST_UNITS) == QualityIntervals(
        bpb_increase=(0, 0),
        perplexity=(math.exp(5), math.exp(5)),
        perplexity_fp32=(math.exp(5), math.exp(5)),
        kl=(0, 0),
        top1_agreement=(1, 1),
    )


def test_an_export_records_intervals_around_its_figures(int8: ExportResult) -> None:
    for quality in int8.bundle.manifest.quality.values():
        assert quality.intervals
        for name, (low, high) in dataclasses.asdict(quality.intervals).items():
            assert low < getattr(quality, name) < high


def test_quality_is_what_the_runtime_scores(
    int8: ExportResult,
    fp32: ExportResult,
    config: ModelConfig,
    weights: dict[str, NDArray[np.float32]],
    tokenizer: Tokenizer,
    held_out: dict[str, list[str]],
) -> None:
    texts = [*held_out["es"], "🐧"]  # some bytes behind UNK
    with Model(int8.bundle) as model:
        sums = score_documents(
            by_graph(model),
            by_module(from_weights(config, weights)),
            texts,
            tokenizer=tokenizer,
            context_length=config.context_length,
            say=lambda line: None,
        )
    quality = summarise(sums)
    size = sum(len(normalise(text).encode()) for text in texts)
    with Engine(int8.bundle) as exported, Engine(fp32.bundle) as reference:
        for found, text in zip(sums, texts, strict=True):
            hidden = 8 * tokenizer.unknown_bytes(text)
            for nats, engine in ((found.nats, exported), (found.nats_reference, reference)):
                bits, tokens = text_bits(engine, tokenizer, text)
                assert nats / math.log(2) + hidden == pytest.approx(bits, rel=1e-6)
                assert found.tokens == tokens
        bits, tokens = (
            sum(values) for values in zip(*(text_bits(exported, tokenizer, text) for text in texts), strict=True)
        )
        assert (quality.tokens, quality.bytes) == (tokens, size)
        assert quality.tokens > 2 * exported.context_length  # more than one window
        hidden = 8 * sum(map(tokenizer.unknown_bytes, texts))
        assert hidden > 0
        assert quality.bpb == pytest.approx(bits / size, rel=1e-7)
        assert quality.perplexity == pytest.approx(2 ** ((bits - hidden) / tokens), rel=1e-6)
        assert quality.perplexity_fp32 == pytest.approx(2 ** ((quality.bpb_fp32 * size - hidden) / tokens), rel=1e-9)
    assert 0 < quality.kl < 0.01
    assert 0.8 < quality.top1_agreement <= 1


@pytest.mark.parametrize("cores", [1, 3])
def test_how_many_cores_there_are_changes_no_bit(
    int8: ExportResult,
    config: ModelConfig,
    weights: dict[str, NDArray[np.float32]],
    tokenizer: Tokenizer,
    held_out: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
) -> None:
    """Several batches, each by whatever thread is free; and torch keeps its own threads for whoever comes next."""
    monkeypatch.setattr("tinylm.export.quality.quality.usable_cores", lambda: cores)
    monkeypatch.setattr("tinylm.export.quality.quality._BATCH_TOKENS", 2 * config.context_length)
    monkeypatch.setattr("tinylm.base.progress.EVERY_S", 0)
    told: list[str] = []
    threads = torch.get_num_threads()
    with Model(int8.bundle) as model:
        score = partial(
            score_documents,
            by_graph(model),
            by_module(from_weights(config, weights)),
            held_out["en"],
            tokenizer=tokenizer,
            context_length=config.context_length,
        )
        found = score(say=told.append)
        monkeypatch.setattr("tinylm.export.quality.quality.usable_cores", lambda: 2)
        assert score(say=told.append) == found
    everything = sum(sums.tokens for sums in found)
    assert told[-1].startswith(f"  quality: {everything:,} of {everything:,} tokens, 0:00:00 left")
    assert len(told) > 4
    assert torch.get_num_threads() == threads


def test_what_documents_come_to() -> None:
    """Two documents by hand: bits with 8 for every hidden byte, over bytes; means over tokens."""
    first = DocumentSums(
        tokens=10, text_bytes=40, unknown_bytes=3, nats=30.0, nats_reference=20.0, divergence=1.5, agreed=7
    )
    second = DocumentSums(
        tokens=30, text_bytes=60, unknown_bytes=0, nats=50.0, nats_reference=40.0, divergence=0.5, agreed=29
    )
    quality = summarise([first, second])
    assert (quality.tokens, quality.bytes) == (40, 100)
    assert quality.bpb == pytest.approx((80 / math.log(2) + 24) / 100)
    assert quality.bpb_fp32 == pytest.approx((60 / math.log(2) + 24) / 100)
    assert quality.perplexity == pytest.approx(math.exp(2))
    assert quality.perplexity_fp32 == pytest.approx(math.exp(1.5))
    assert quality.kl == pytest.approx(2 / 40)
    assert quality.top1_agreement == pytest.approx(36 / 40)
    assert quality.intervals is None


@pytest.mark.parametrize("length", [1, 31, 32, 33, 70])
def test_a_window_costs_what_the_formula_says(length: int) -> None:
    """Against float64; longer than the rows that are looked at together."""
    rng = np.random.default_rng(length)
    ours, theirs = (rng.normal(0, 2, (length + 1, 9)).astype(np.float32) for _ in range(2))
    targets = rng.integers(9, size=length)
    found = _sums(*map(torch.from_numpy, (ours[:length], theirs[:length], targets)))
    log_ours, log_theirs = (
        x - np.log(np.exp(x).sum(-1, keepdims=True)) for x in (v[:length].astype(np.float64) for v in (ours, theirs))
    )
    rows = np.arange(length)
    expected = (
        -log_ours[rows, targets].sum(),
        -log_theirs[rows, targets].sum(),
        (np.exp(log_theirs) * (log_theirs - log_ours)).sum(),
        (ours[:length].argmax(-1) == theirs[:length].argmax(-1)).sum(),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert divergence(*map(torch.from_numpy, (theirs[:length], ours[:length]))) == pytest.approx(expected[2], rel=1e-5)


def test_both_ways_to_predict_read_each_window_by_itself(
    fp32: ExportResult, config: ModelConfig, weights: dict[str, NDArray[np.float32]]
) -> None:
    rng = np.random.default_rng(4)
    windows = [rng.integers(4, config.vocab_size, size=length).tolist() for length in (5, 1, 48)]
    module = from_weights(config, weights)
    together = by_module(module)(windows)
    with Model(fp32.bundle) as model:
        for window, padded, stepped in zip(windows, together, by_graph(model)(windows), strict=True):
            with torch.inference_mode():
                alone = module(torch.tensor([window]))[0]
            assert padded.shape == stepped.shape == (len(window), config.vocab_size)
            torch.testing.assert_close(padded, alone, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(stepped, alone, rtol=1e-4, atol=1e-4)
