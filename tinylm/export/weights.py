"""The other way round: the weights of a bundle's graph, as the torch module has them.

The graph stores matrices as [in, out] and, in INT8, integers with one scale per output
(`tinylm.export.graph.quantization`); `values x scale` is what the graph computes with, so nothing more is lost than the
export has lost.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle
from tinylm.export.graph.graph import weight_shapes
from tinylm.onnx.graph_file import read_onnx

_TABLES = {"embedding.weight": "embedding", "positions.embedding.weight": "positions"}
"""Matrices whose rows are looked up: stored as they are, [rows, width], with scales [rows, 1]."""
_RENAMED = {"head.weight": "logits.weight"}


def weights_of(bundle: Bundle) -> dict[str, NDArray[np.float32]]:
    """All weights in fp32, in the names and shapes of `weight_shapes`; TinylmError when the graph has others."""
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
        stored = _TABLES.get(name) or _RENAMED.get(name) or name.removeprefix("blocks.")
        values = constant(stored)
        weight = values.astype(np.float32)
        if name not in _TABLES:
            weight = weight.T
        if values.dtype == np.int8:
            scales = constant((stored if name in _TABLES else stored.removesuffix(".weight")) + ".scale")
            weight = weight * scales.astype(np.float32).reshape(-1, 1)
        weight = np.ascontiguousarray(weight)
        if weight.shape != shape:
            raise TinylmError(f"`{path}`: `{stored}` has the shape {weight.shape}, not {shape}", "export it again")
        weights[name] = weight
    return weights
