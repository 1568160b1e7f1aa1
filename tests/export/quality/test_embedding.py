"""The embedding's precision: what is measured decides, and the bundle says what it has."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tinylm.export.quality import embedding
from tinylm.export.quality.quality import DocumentSums, summarise
from tinylm.export.report import ExportResult
from tinylm.onnx.graph_file import read_onnx
from tinylm.runtime.engine import Engine
from tinylm.runtime.scoring import text_bits
from tinylm.tokenizer.tokenizer import Tokenizer

Weights = dict[str, NDArray[np.float32]]


def test_int8_is_taken_where_all_of_it_costs_next_to_nothing(
    export: Callable[..., ExportResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "GOAL_BPB_INCREASE", 1.0)
    choice = export(folder=tmp_path / "bundle").report.embedding
    assert choice
    assert (choice.precision, choice.cost) == ("int8", None)


def test_the_embedding_is_measured_where_int8_costs_something(
    export: Callable[..., ExportResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole costs more than its goal, and the embedding is not to blame."""
    monkeypatch.setattr("tinylm.export.export.in_question", lambda quality: True)
    monkeypatch.setattr(embedding, "GOAL_BPB_INCREASE", 1.0)
    result = export(folder=tmp_path / "bundle")
    choice = result.report.embedding
    assert choice
    assert choice.precision == "int8"
    assert choice.cost
    assert tuple(choice.cost) == ("en", "es")
    for cost in choice.cost.values():
        assert cost.bpb_increase <= choice.goal_bpb_increase
        assert cost.kl > 0
        assert cost.kl_interval
        assert cost.bpb_increase_interval
    assert result.bundle.manifest.quantization.embedding == "int8"


def test_an_embedding_is_in_question_when_any_language_loses_more_than_its_goal(int8: ExportResult) -> None:
    quality = int8.bundle.manifest.quality["en"]
    least = dataclasses.replace(quality, bpb=quality.bpb_fp32 + embedding.GOAL_BPB_INCREASE / 2)
    more = dataclasses.replace(quality, bpb=quality.bpb_fp32 + embedding.GOAL_BPB_INCREASE * 2)
    assert not embedding.in_question({"en": least, "es": least})
    assert embedding.in_question({"en": least, "es": more})


def test_float32_is_kept_where_int8_costs_too_much(
    export: Callable[..., ExportResult],
    tokenizer: Tokenizer,
    held_out: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedding, "GOAL_BPB_INCREASE", -1.0)
    result = export(scheme="int8", folder=tmp_path / "bundle")
    manifest = result.bundle.manifest
    assert (manifest.quantization.scheme, manifest.quantization.embedding) == ("int8", "fp32")
    assert "8-bit integers, the embedding 32-bit floating point" in (result.bundle.path / "MODEL_CARD.md").read_text()
    stored = read_onnx(result.bundle.model).graph.initializers
    assert stored["embedding"].data_type == "float32"
    for core in result.report.kernels:
        assert (core.products, core.integer) == (9, 8)  # the tied head is a float product
    assert all(gate.passed for gate in result.report.gates)
    with Engine(result.bundle) as engine:  # the manifest's quality is that of the graph that was taken
        texts = held_out["en"]
        bits = sum(text_bits(engine, tokenizer, text)[0] for text in texts)
    assert manifest.quality["en"].bpb * manifest.quality["en"].bytes == pytest.approx(bits, rel=1e-6)


def test_an_fp32_export_has_nothing_to_choose(fp32: ExportResult) -> None:
    assert fp32.report.embedding is None
    assert fp32.bundle.manifest.quantization.embedding == "fp32"


def sums(increase: float, documents: int) -> list[DocumentSums]:
    """Documents of 100 bytes and 20 tokens; int8 costs each `increase` bits per byte, and .5 nats of divergence."""
    more = increase * 100 * math.log(2)
    return [
        DocumentSums(
            tokens=20, text_bytes=100, unknown_bytes=0, nats=60 + more, nats_reference=60, divergence=0.5, agreed=20
        )
    ] * documents


@pytest.mark.parametrize(
    ("english", "spanish", "precision"),
    [(0.0004, 0.0004, "int8"), (0.0004, 0.0006, "fp32"), (0.0006, 0.0004, "fp32"), (-0.5, 0.0, "int8")],
)
def test_one_language_that_loses_too_much_keeps_float32(english: float, spanish: float, precision: str) -> None:
    increases = {"e": english, "s": spanish}
    held_out = {"es": ["s"] * 5, "en": ["e"] * 4}
    choice = embedding.choose_embedding(lambda texts: sums(increases[texts[0]], len(texts)), held_out)
    assert choice.precision == precision
    assert choice.goal_bpb_increase == embedding.GOAL_BPB_INCREASE == 0.0005
    assert choice.cost
    assert list(choice.cost) == ["en", "es"]
    for name, increase in (("en", english), ("es", spanish)):
        assert choice.cost[name].bpb_increase == pytest.approx(increase)
        assert choice.cost[name].kl == pytest.approx(0.5 / 20)
    assert choice.cost["en"].bpb_increase_interval is choice.cost["en"].kl_interval is None  # four are too few
    assert choice.cost["es"].bpb_increase_interval == pytest.approx((spanish, spanish))
    assert choice.cost["es"].kl_interval == pytest.approx((0.025, 0.025))


def test_an_increase_of_exactly_the_goal_is_not_in_question() -> None:
    goal = embedding.GOAL_BPB_INCREASE
    at = dataclasses.replace(summarise(sums(0.0, 1)), bpb=1.0 + goal, bpb_fp32=1.0)
    assert embedding.in_question({"en": dataclasses.replace(at, bpb=1.0 + 1.1 * goal)})
    assert not embedding.in_question({"en": dataclasses.replace(at, bpb=goal, bpb_fp32=0.0)})
