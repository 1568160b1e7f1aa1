"""Token ids to logits as ONNX nodes, for both architectures: the twin of `tinylm.model.transformer`."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tinylm.export.graph.attention import last_position, rotary_embedding
from tinylm.export.graph.blocks import post_norm_block, pre_norm_block, rms_norm
from tinylm.export.graph.model_graph import ModelGraph


def token_embedding(graph: ModelGraph) -> str:
    """Rows of the embedding [V, D], float32 (1, T, D)."""
    table = graph.table("embedding", graph.embedding)
    if graph.embedding == "fp32":
        return graph.node("Gather", [table, "input_ids"], "embedded")
    rows = graph.node("Gather", [table, "input_ids"], "embedded.int8")  # (1, T, D)
    rows = graph.node("Cast", [rows], "embedded.unscaled", to=TensorProto.FLOAT)
    scales = graph.node("Gather", [table + ".scale", "input_ids"], "embedded.scale")  # (1, T, 1)
    return graph.node("Mul", [rows, scales], "embedded")


def learned_positions(graph: ModelGraph) -> str:
    """The learned vectors of the positions that this call reads, float32 (T, D): the last T of `total_length`."""
    table = graph.table("positions.embedding", graph.scheme)
    end = graph.node("Cast", ["total_length"], "positions.end", to=TensorProto.INT64)
    count = graph.node("Shape", ["input_ids"], "positions.count", start=1)
    place = [graph.node("Sub", [end, count], "positions.start"), end, graph.constant("rows", np.array([0]))]
    if graph.scheme == "fp32":
        return graph.node("Slice", [table, *place], "positions.rows")
    rows = graph.node("Slice", [table, *place], "positions.int8")
    rows = graph.node("Cast", [rows], "positions.unscaled", to=TensorProto.FLOAT)
    scales = graph.node("Slice", [table + ".scale", *place], "positions.scales")  # (T, 1)
    return graph.node("Mul", [rows, scales], "positions.rows")


def last_hidden(graph: ModelGraph, x: str) -> str:
    """The last position of (1, T, D): (1, D)."""
    return graph.node("Gather", [x, graph.constant("last", np.array(-1, np.int32))], "last_hidden", axis=1)


def tied_head(graph: ModelGraph, x: str) -> str:
    """`logits` [1, V] of (1, D) by the embedding's own matrix; ONNX Runtime folds the transposes at load."""
    transposed = graph.node("Transpose", ["embedding"], "embedding.transposed", perm=[1, 0])  # [D, V]
    if graph.embedding == "fp32":
        return graph.node("MatMul", [x, transposed], "logits")
    scale = graph.node("Transpose", ["embedding.scale"], "embedding.scale.transposed", perm=[1, 0])  # [1, V]
    return graph.int8_product("logits", x, transposed, scale)


def add_transformer(graph: ModelGraph) -> None:
    """Add the nodes from `input_ids` to `logits` for the configuration's architecture."""
    {"llama": _llama, "classic": _classic}[graph.config.architecture](graph)


def _llama(graph: ModelGraph) -> None:
    """`embedding -> n_layer x (x + attention(norm(x)); x + mlp(norm(x))) -> norm -> tied head`."""
    rotary = rotary_embedding(graph)
    last_position(graph)
    x = token_embedding(graph)  # (1, T, D)
    branch: str | None = None
    for layer in range(graph.config.n_layer):
        x, branch = pre_norm_block(graph, layer, x, branch, rotary=rotary)
    normed, _ = rms_norm(graph, "norm", x, branch)
    tied_head(graph, last_hidden(graph, normed))


def _classic(graph: ModelGraph) -> None:
    """`embedding + positions -> n_layer x (norm(x + attention(x)); norm(x + mlp(x))) -> head`."""
    last_position(graph)
    x = graph.node("Add", [token_embedding(graph), learned_positions(graph)], "placed")  # (1, T, D)
    for layer in range(graph.config.n_layer):
        x = post_norm_block(graph, layer, x)
    graph.linear("head", last_hidden(graph, x))
