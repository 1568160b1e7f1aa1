"""The embedding's precision: what is measured decides, and the bundle says what it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tinylm.export import embedding
from tinylm.export.export import ExportResult
from tinylm.onnx_file import read_onnx

Weights = dict[str, NDArray[np.float32]]


def test_int8_is_taken_where_it_costs_next_to_nothing(int8: ExportResult) -> None:
    choice = int8.report.embedding
    assert choice
    assert (choice.precision, tuple(choice.cost)) == ("int8", ("en", "es"))
    for cost in choice.cost.values():
        assert cost.bpb_increase <= choice.goal_bpb_increase
        assert cost.kl > 0
        assert cost.kl_interval
        assert cost.bpb_increase_interval
    assert int8.bundle.manifest.quantization.embedding == "int8"


def test_float32_is_kept_where_int8_costs_too_much(
    export: Callable[..., ExportResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_an_fp32_export_has_nothing_to_choose(fp32: ExportResult) -> None:
    assert fp32.report.embedding is None
    assert fp32.bundle.manifest.quantization.embedding == "fp32"
