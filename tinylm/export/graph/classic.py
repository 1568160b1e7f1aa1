"""The architecture `classic` as ONNX nodes: post-norm LayerNorm, learned positions, GELU, a head of its own.

It is the order of the original transformer (https://arxiv.org/abs/1706.03762); linear layers have no biases.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from tinylm.export.graph.layers import ModelGraph, add_last_position, add_table, attention, embedding, last_of, linear
from tinylm.settings.model import ModelConfig


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every weight that the architecture has, and its shape, in the torch module's names and layout ([out, in])."""
    d = config.d_model
    block = {
        "attention.qkv.weight": (3 * d, d),  # rows: q, k, v
        "attention.output.weight": (d, d),
        "attention_norm.weight": (d,),
        "attention_norm.bias": (d,),
        "mlp.up.weight": (config.d_ff, d),
        "mlp.down.weight": (d, config.d_ff),
        "mlp_norm.weight": (d,),
        "mlp_norm.bias": (d,),
    }
    blocks = {f"blocks.{i}.{name}": shape for i in range(config.n_layer) for name, shape in block.items()}
    tables = {"embedding.weight": (config.vocab_size, d), "positions.embedding.weight": (config.context_length, d)}
    return {**tables, **blocks, "head.weight": (config.vocab_size, d)}


def add_transformer(graph: ModelGraph, config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
    """Token ids to logits: `embedding + positions -> n_layer x (norm(x + attention(x)); norm(x + mlp(x))) -> head`."""
    add_last_position(graph)
    x = graph.node(
        "Add",
        [embedding(graph, weights["embedding.weight"]), positions(graph, weights["positions.embedding.weight"])],
        "placed",
    )  # (1, T, D)
    for i in range(config.n_layer):
        block = f"blocks.{i}."
        qkv, output = weights[block + "attention.qkv.weight"], weights[block + "attention.output.weight"]
        branch = attention(graph, i, x, qkv, output, config, rotary=False)
        x = add_norm(graph, f"{i}.attention_norm", x, branch, weights, config.norm_eps)
        x = add_norm(graph, f"{i}.mlp_norm", x, mlp(graph, i, x, weights), weights, config.norm_eps)
    linear(graph, "logits", last_of(graph, x), weights["head.weight"])


def positions(graph: ModelGraph, weight: NDArray[np.floating]) -> str:
    """The learned vectors of the positions that this call reads, float32 (T, D): the last T of `total_length`."""
    add_table(graph, "positions", weight, graph.scheme)
    end = graph.node("Cast", ["total_length"], "positions.end", to=TensorProto.INT64)
    count = graph.node("Shape", ["input_ids"], "positions.count", start=1)
    place = [graph.node("Sub", [end, count], "positions.start"), end, graph.constant("rows", np.array([0]))]
    if graph.scheme == "fp32":
        return graph.node("Slice", ["positions", *place], "positions.rows")
    rows = graph.node("Slice", ["positions", *place], "positions.int8")
    rows = graph.node("Cast", [rows], "positions.unscaled", to=TensorProto.FLOAT)
    scales = graph.node("Slice", ["positions.scale", *place], "positions.scales")  # (T, 1)
    return graph.node("Mul", [rows, scales], "positions.rows")


def add_norm(
    graph: ModelGraph, name: str, x: str, branch: str, weights: Mapping[str, NDArray[np.floating]], epsilon: float
) -> str:
    """`LayerNorm(x + branch)` (https://arxiv.org/abs/1607.06450), one node."""
    parts = [
        graph.constant(f"{name}.{part}", weights[f"blocks.{name}.{part}"].astype(np.float32))
        for part in ("weight", "bias")
    ]
    return graph.contrib("SkipLayerNormalization", [x, branch, *parts], name, epsilon=epsilon)


def mlp(graph: ModelGraph, layer: int, x: str, weights: Mapping[str, NDArray[np.floating]]) -> str:
    """`down(gelu(up(x)))`, GELU in its exact form (https://arxiv.org/abs/1606.08415)."""
    at = f"{layer}.mlp"
    up = linear(graph, f"{at}.up", x, weights[f"blocks.{at}.up.weight"])  # (1, T, F)
    return linear(graph, f"{at}.down", graph.node("Gelu", [up], f"{at}.gelu"), weights[f"blocks.{at}.down.weight"])
