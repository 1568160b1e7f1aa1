"""An int8 key/value cache: its scales, its bytes, and how little it changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tinylm.export.cache import HEADROOM, measure_cache_scales
from tinylm.export.export import INT8_CACHE_ONNXRUNTIME
from tinylm.export.quality.quality import divergence
from tinylm.export.report import ExportResult
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.backends.onnxruntime import OnnxruntimeModel
from tinylm.runtime.engine import Engine
from tinylm.settings.model import ModelConfig

Export = Callable[..., ExportResult]


@pytest.fixture(scope="module")
def int8_cache(export: Export, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export(scheme="int8", int8_cache=True, folder=tmp_path_factory.mktemp("cache") / "bundle")


def test_a_scale_covers_the_largest_value_of_its_channel(fp32: ExportResult, config: ModelConfig) -> None:
    ids = [int(token) for token in np.random.default_rng(0).integers(config.vocab_size, size=40)]
    sequence = OnnxruntimeModel(fp32.bundle, threads=1).sequence()
    scales = measure_cache_scales(sequence, config, [ids[:25], ids[25:]])
    assert scales.keys() == {f"{layer}.{part}" for layer in range(config.n_layer) for part in ("key", "value")}
    shape = (config.n_kv_head, config.context_length, config.head_dim)
    largest = []
    for part in (ids[:25], ids[25:]):
        sequence.truncate(())
        sequence.prefill(part)
        largest.append(
            np.abs(np.asarray(sequence.cached(1, "value")).reshape(shape)[:, : len(part)]).max(axis=1).ravel()
        )
    np.testing.assert_allclose(scales["1.value"], np.maximum(*largest) * HEADROOM / 127, rtol=1e-6)


def test_an_int8_cache_changes_little(int8_cache: ExportResult, int8: ExportResult, backend: Backend) -> None:
    manifest = int8_cache.bundle.manifest
    assert manifest.quantization.kv_cache == "int8"
    assert manifest.minimum_versions["onnxruntime"] == INT8_CACHE_ONNXRUNTIME
    ids = [int(token) for token in np.random.default_rng(1).integers(manifest.model.vocab_size, size=40)]
    with Engine(int8_cache.bundle, backend=backend) as small, Engine(int8.bundle, backend=backend) as large:
        exact, found = (torch.tensor([list(engine.logits(token)) for token in ids]) for engine in (large, small))
    # Random weights; 5e-5 measured. A wrong scale or a channel in another's place shows as .1 and more.
    assert 0 < divergence(exact, found) / len(ids) < 1e-3
