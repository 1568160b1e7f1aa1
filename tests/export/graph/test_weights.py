"""A bundle's graph gives its weights back: exactly in fp32, as int8 rounded them else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle
from tinylm.export.graph.graph import build_graph
from tinylm.export.graph.quantization import quantize_rows
from tinylm.export.graph.weights import weights_of
from tinylm.model import weight_shapes
from tinylm.settings.model import ModelConfig
from tinylm.settings.run import PRESETS


def exported(tmp_path: Path, like: Bundle, config: ModelConfig, **scheme: str) -> tuple[dict[str, np.ndarray], Bundle]:
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in weight_shapes(config).items()}
    (tmp_path / MODEL).write_bytes(build_graph(config, weights, **scheme))  # type: ignore[arg-type]
    return weights, Bundle(tmp_path, dataclasses.replace(like.manifest, model=config), "")


@pytest.mark.parametrize("preset", ["tiny", "classic"])
@pytest.mark.parametrize(
    "scheme", [{"scheme": "fp32"}, {"scheme": "int8"}, {"scheme": "int8", "embedding": "fp32"}], ids=str
)
def test_weights_come_back(tmp_path: Path, tiny_bundle: Bundle, preset: str, scheme: dict[str, str]) -> None:
    config = dataclasses.replace(PRESETS[preset].model, vocab_size=64, n_layer=2)
    weights, bundle = exported(tmp_path, tiny_bundle, config, **scheme)
    found = weights_of(bundle)
    assert found.keys() == weights.keys()
    for name, weight in weights.items():
        tied_fp32 = name == "embedding.weight" and "embedding" in scheme
        exact = scheme["scheme"] == "fp32" or weight.ndim == 1 or tied_fp32
        expected = weight if exact else quantize_rows(weight).dequantize()
        np.testing.assert_array_equal(found[name], expected, err_msg=name)
        assert found[name].dtype == np.float32


def test_a_graph_of_another_shape_is_refused(tmp_path: Path, tiny_bundle: Bundle) -> None:
    config = dataclasses.replace(PRESETS["tiny"].model, vocab_size=64, n_layer=2)
    _, bundle = exported(tmp_path, tiny_bundle, config, scheme="int8")
    deeper = dataclasses.replace(bundle.manifest, model=dataclasses.replace(config, n_layer=3))
    with pytest.raises(TinylmError, match=r"has no weight `2\.attention"):
        weights_of(dataclasses.replace(bundle, manifest=deeper))
    wider = dataclasses.replace(bundle.manifest, model=dataclasses.replace(config, d_ff=304))
    with pytest.raises(TinylmError, match=r"has the shape"):
        weights_of(dataclasses.replace(bundle, manifest=wider))
