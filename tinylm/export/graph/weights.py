"""The torch module's weights and the graph's: refused before a graph is built of them, and read back from one.

The graph stores matrices as [in, out] and, in int8, integers with one scale per output
(`tinylm.export.graph.quantization`); `values x scale` is what the graph computes with, so nothing more is lost than the
export has lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle
from tinylm.export.graph.model_graph import stored_name
from tinylm.model import weight_shapes
from tinylm.onnx.graph_file import read_onnx
from tinylm.settings.model import ModelConfig

_TABLES = ("embedding", "positions.embedding")
"""Layers whose rows are looked up: stored as they are, [rows, width], with scales [rows, 1]."""


def check_weights(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
    """Refuse weights that are not exactly this configuration's, not finite, or of heads that ONNX Runtime cannot do."""
    if config.head_dim % 8:
        raise TinylmError(
            f"`d_model` / `n_head` is {config.head_dim}; the exported attention needs a multiple of 8",
            "train a model whose heads are that wide",
        )
    shapes = weight_shapes(config)
    for name in sorted(shapes.keys() ^ weights.keys()):
        problem = "lack" if name in shapes else "have the unknown tensor"
        raise TinylmError(f"the weights {problem} `{name}`", "is this checkpoint of the same model configuration?")
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise TinylmError(
                f"the weight `{name}` has the shape {list(weights[name].shape)}; {list(shape)} was expected"
            )
        bad = int(weights[name].size - np.isfinite(weights[name]).sum())
        if bad:
            raise TinylmError(
                f"the weight `{name}` has {bad} values that are NaN or infinite; none is allowed",
                "export an earlier checkpoint, and train with a lower learning rate",
                exit_code=1,
            )


def weights_of(bundle: Bundle) -> dict[str, NDArray[np.float32]]:
    """A bundle's weights in float32, in the torch module's names and shapes; TinylmError when the graph has others."""
    path = bundle.path / MODEL
    read_onnx(path)  # refuses what hides something
    graph = onnx.load_model_from_string(path.read_bytes()).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}

    def constant(name: str) -> NDArray[np.generic]:
        if name not in constants:
            raise TinylmError(f"`{path}` has no weight `{name}`", "only bundles that tinylm exported can be trained on")
        return numpy_helper.to_array(constants[name])

    weights = {}
    for name, shape in weight_shapes(bundle.manifest.model).items():
        layer, _, part = name.rpartition(".")
        stored = stored_name(layer) if layer in _TABLES else f"{stored_name(layer)}.{part}"
        values = constant(stored)
        weight = values.astype(np.float32)
        if layer not in _TABLES:
            weight = weight.T
        if values.dtype == np.int8:
            weight = weight * constant(stored_name(layer) + ".scale").astype(np.float32).reshape(-1, 1)
        weight = np.ascontiguousarray(weight)
        if weight.shape != shape:
            raise TinylmError(f"`{path}`: `{stored}` has the shape {weight.shape}, not {shape}", "export it again")
        weights[name] = weight
    return weights
