"""Layers of a transformer as ONNX nodes, in float32 or int8: what the architectures share.

Every function takes the name of what goes in and returns the name of what comes out; shapes stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from tinylm.export.graph.nodes import Graph
from tinylm.export.graph.quantization import quantize_rows
from tinylm.settings.model import ModelConfig

Scheme = Literal["fp32", "int8"]


CacheScales = Mapping[str, NDArray[np.float32]]
"""What one step of an int8 cache stands for: `0.key` and so on, float32 [n_kv_head * head_dim] each."""


class ModelGraph(Graph):
    """The model's graph, and what its weights and its cache become in it."""

    def __init__(self, scheme: Scheme, *, embedding: Scheme, cache_scales: CacheScales | None = None) -> None:
        super().__init__("tinylm")
        self.scheme = scheme
        self.embedding = embedding
        """The embedding's own precision; a tied head has it too."""
        self.cache_scales = cache_scales
        """None keeps keys and values in float32."""


def add_table(graph: ModelGraph, name: str, weight: NDArray[np.floating], scheme: Scheme) -> None:
    """Store a matrix whose rows are looked up: float32 [R, D], or int8 with a float32 scale [R, 1] for every row."""
    if scheme == "fp32":
        graph.constant(name, weight.astype(np.float32))
        return
    quantized = quantize_rows(weight)
    graph.constant(name, quantized.values)
    graph.constant(name + ".scale", quantized.scales[:, None])


def embedding(graph: ModelGraph, weight: NDArray[np.floating]) -> str:
    """Rows of the embedding [V, D], float32 (1, T, D). A tied `head` uses the same matrix."""
    add_table(graph, "embedding", weight, graph.embedding)
    if graph.embedding == "fp32":
        return graph.node("Gather", ["embedding", "input_ids"], "embedded")
    rows = graph.node("Gather", ["embedding", "input_ids"], "embedded.int8")  # (1, T, D)
    rows = graph.node("Cast", [rows], "embedded.unscaled", to=TensorProto.FLOAT)
    scales = graph.node("Gather", ["embedding.scale", "input_ids"], "embedded.scale")  # (1, T, 1)
    return graph.node("Mul", [rows, scales], "embedded")


def attention(
    graph: ModelGraph,
    layer: int,
    x: str,
    qkv: NDArray[np.floating],
    output: NDArray[np.floating],
    config: ModelConfig,
    *,
    rotary: bool,
) -> str:
    """Causal grouped-query attention over the cached keys and values; `rotary` takes the constants `cos` and `sin`."""
    at = f"{layer}.attention"
    packed = linear(graph, f"{at}.qkv", x, qkv)  # (1, T, (H + 2 KV) * head_dim)
    past, present = f"past.{layer}.", f"present.{layer}."
    inputs = [packed, "", "", past + "key", past + "value", "last_position", "total_length"]
    inputs += ["cos", "sin"] if rotary else []
    quantized: dict[str, str | int] = {}
    if graph.cache_scales is not None:
        scales = [
            graph.constant(f"{at}.{part}.scale", graph.cache_scales[f"{layer}.{part}"]) for part in ("key", "value")
        ]
        inputs += [""] * (12 - len(inputs)) + scales  # their places among the operator's inputs
        quantized = {"k_quant_type": "PER_CHANNEL", "v_quant_type": "PER_CHANNEL", "kv_cache_bit_width": 8}
    mixed = graph.contrib(
        "GroupQueryAttention",
        inputs,
        [at + ".mixed", present + "key", present + "value"],
        num_heads=config.n_head,
        kv_num_heads=config.n_kv_head,
        do_rotary=int(rotary),
        rotary_interleaved=0,
        local_window_size=config.sliding_window or -1,
        **quantized,
    )  # (1, T, D)
    return linear(graph, f"{at}.output", mixed, output)


def add_last_position(graph: ModelGraph) -> None:
    """GroupQueryAttention wants the index of the last valid position, not the count."""
    graph.node("Sub", ["total_length", graph.constant("one", np.array([1], np.int32))], "last_position")


def linear(graph: ModelGraph, name: str, x: str, weight: NDArray[np.floating]) -> str:
    """`x @ weight.T` for a weight [out, in]; stored as [in, out], which is what the kernels read."""
    if graph.scheme == "fp32":
        return graph.node("MatMul", [x, graph.constant(name + ".weight", weight.T.astype(np.float32))], name)
    quantized = quantize_rows(weight)
    graph.constant(name + ".weight", quantized.values.T)
    return int8_product(graph, name, x, name + ".weight", graph.constant(name + ".scale", quantized.scales))


def int8_product(graph: ModelGraph, name: str, x: str, weight: str, scale: str) -> str:
    """Quantize `x` to uint8 (one scale per call), multiply integers, and scale every output column.

    DynamicQuantizeMatMul could take the column scales itself, but that path is slower than a scalar 1 and an explicit
    Mul (+14 us a token at 1.3 M parameters, measured).
    """
    unit = graph.constant("unit", np.array(1, np.float32))
    unscaled = graph.contrib("DynamicQuantizeMatMul", [x, weight, unit], name + ".unscaled")
    return graph.node("Mul", [unscaled, scale], name)


def last_of(graph: ModelGraph, x: str) -> str:
    """The last position of (1, T, D): (1, D)."""
    return graph.node("Gather", [x, graph.constant("last", np.array(-1, np.int32))], "last_hidden", axis=1)
