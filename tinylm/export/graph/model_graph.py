"""A model's graph in the making: the torch module's weights become constants and products, in float32 or int8.

Every method takes the name of what goes in and returns the name of what comes out; shapes stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinylm.export.graph.nodes import Graph
from tinylm.export.graph.quantization import quantize_rows
from tinylm.settings.model import ModelConfig

Scheme = Literal["fp32", "int8"]

CacheScales = Mapping[str, NDArray[np.float32]]
"""What one step of an int8 cache stands for: `0.key`, `0.value`, ..., float32 [n_kv_head * head_dim] each."""

_STORED = {"embedding": "embedding", "positions.embedding": "positions", "head": "logits"}


def stored_name(layer: str) -> str:
    """What the graph calls a layer of the torch module: `0.mlp.down` for `blocks.0.mlp.down`."""
    return _STORED.get(layer) or layer.removeprefix("blocks.")


class ModelGraph(Graph):
    """The graph of the model `config` with `weights`, in the torch module's names and layout ([out, in])."""

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, NDArray[np.floating]],
        *,
        scheme: Scheme,
        embedding: Scheme,
        cache_scales: CacheScales | None,
    ) -> None:
        super().__init__("tinylm")
        self.config = config
        self.weights = weights
        self.scheme = scheme
        self.embedding = embedding
        """The embedding's own precision; a tied head has it too."""
        self.cache_scales = cache_scales
        """None keeps keys and values in float32."""

    def vector(self, name: str) -> str:
        """Store a weight [D] in float32."""
        layer, _, part = name.rpartition(".")
        return self.constant(f"{stored_name(layer)}.{part}", self.weights[name].astype(np.float32))

    def table(self, layer: str, scheme: Scheme) -> str:
        """Store a matrix whose rows are looked up: float32 [R, D], or int8 with a float32 scale a row [R, 1]."""
        name, weight = stored_name(layer), self.weights[layer + ".weight"]
        if scheme == "fp32":
            return self.constant(name, weight.astype(np.float32))
        quantized = quantize_rows(weight)
        self.constant(name, quantized.values)
        self.constant(name + ".scale", quantized.scales[:, None])
        return name

    def linear(self, layer: str, x: str) -> str:
        """`x @ weight.T` for a weight [out, in]; stored as [in, out], which is what the kernels read."""
        name, weight = stored_name(layer), self.weights[layer + ".weight"]
        if self.scheme == "fp32":
            return self.node("MatMul", [x, self.constant(name + ".weight", weight.T.astype(np.float32))], name)
        quantized = quantize_rows(weight)
        self.constant(name + ".weight", quantized.values.T)
        return self.int8_product(name, x, name + ".weight", self.constant(name + ".scale", quantized.scales))

    def int8_product(self, name: str, x: str, weight: str, scale: str) -> str:
        """Quantize `x` to uint8 (one scale per call), multiply integers, and scale every output column.

        DynamicQuantizeMatMul could take the column scales itself, but that path is slower than a scalar 1 and an
        explicit Mul.
        """
        unit = self.constant("unit", np.array(1, np.float32))
        unscaled = self.contrib("DynamicQuantizeMatMul", [x, weight, unit], name + ".unscaled")
        return self.node("Mul", [unscaled, scale], name)
