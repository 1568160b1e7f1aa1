"""The architecture `llama` as ONNX nodes: pre-norm RMSNorm, rotary positions, SwiGLU, tied embedding.

The tied embedding is one matrix in the file: its rows are looked up, and its transpose makes the logits.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tinylm.export.graph.layers import (
    ModelGraph,
    add_last_position,
    attention,
    embedding,
    int8_product,
    last_of,
    linear,
)
from tinylm.settings.model import ModelConfig


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Every weight that the architecture has, and its shape, in the torch module's names and layout ([out, in])."""
    d, kv_heads = config.d_model, config.n_kv_head
    block = {
        "attention_norm.weight": (d,),
        "attention.qkv.weight": ((config.n_head + 2 * kv_heads) * config.head_dim, d),  # rows: q, k, v
        "attention.output.weight": (d, d),
        "mlp_norm.weight": (d,),
        "mlp.gate_up.weight": (2 * config.d_ff, d),  # rows: gate, up
        "mlp.down.weight": (d, config.d_ff),
    }
    blocks = {f"blocks.{i}.{name}": shape for i in range(config.n_layer) for name, shape in block.items()}
    return {"embedding.weight": (config.vocab_size, d), **blocks, "norm.weight": (d,)}


def add_transformer(graph: ModelGraph, config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
    """Token ids to logits: `embedding -> n_layer x (x + attention(norm(x)); x + mlp(norm(x))) -> norm -> head`."""
    cos, sin = rotary_tables(config)
    graph.constant("cos", cos)
    graph.constant("sin", sin)
    add_last_position(graph)
    x = embedding(graph, weights["embedding.weight"])  # (1, T, D)
    branch: str | None = None
    for i in range(config.n_layer):
        at, block = f"{i}.", f"blocks.{i}."
        normed, x = add_norm(graph, at + "attention_norm", x, branch, weights[block + "attention_norm.weight"], config)
        branch = attention(
            graph,
            i,
            normed,
            weights[block + "attention.qkv.weight"],
            weights[block + "attention.output.weight"],
            config,
            rotary=True,
        )
        normed, x = add_norm(graph, at + "mlp_norm", x, branch, weights[block + "mlp_norm.weight"], config)
        branch = mlp(graph, i, normed, weights[block + "mlp.gate_up.weight"], weights[block + "mlp.down.weight"])
    normed, _ = add_norm(graph, "norm", x, branch, weights["norm.weight"], config)
    tied_head(graph, normed)


def add_norm(
    graph: ModelGraph, name: str, x: str, branch: str | None, weight: NDArray[np.floating], config: ModelConfig
) -> tuple[str, str]:
    """`x = x + branch`, then RMSNorm (https://arxiv.org/abs/1910.07467): returns (weight * x / rms(x), x)."""
    graph.constant(name + ".weight", weight.astype(np.float32))
    if branch is None:
        normed = graph.node(
            "SimplifiedLayerNormalization", [x, name + ".weight"], name, axis=-1, epsilon=config.norm_eps
        )
        return normed, x
    # The unnamed outputs are statistics for training; the fourth is the sum that goes on as the residual stream.
    outputs = [name, "", "", name + ".residual"]
    normed = graph.contrib(
        "SkipSimplifiedLayerNormalization", [x, branch, name + ".weight"], outputs, epsilon=config.norm_eps
    )
    return normed, outputs[3]


def mlp(graph: ModelGraph, layer: int, x: str, gate_up: NDArray[np.floating], down: NDArray[np.floating]) -> str:
    """SwiGLU (https://arxiv.org/abs/2002.05202): `down(silu(gate(x)) * up(x))`."""
    at = f"{layer}.mlp"
    both = linear(graph, f"{at}.gate_up", x, gate_up)  # (1, T, 2 F)
    graph.node("Split", [both], [at + ".gate", at + ".up"], axis=-1, num_outputs=2)
    # QuickGelu is x * sigmoid(alpha * x): SiLU when alpha is 1.
    gate = graph.contrib("QuickGelu", [at + ".gate"], at + ".silu", alpha=1.0)
    gated = graph.node("Mul", [gate, at + ".up"], at + ".gated")  # (1, T, F)
    return linear(graph, f"{at}.down", gated, down)


def tied_head(graph: ModelGraph, x: str) -> str:
    """Logits of the last position from the embedding itself; ONNX Runtime folds the transposes at load."""
    last = last_of(graph, x)
    transposed = graph.node("Transpose", ["embedding"], "embedding.transposed", perm=[1, 0])  # [D, V]
    if graph.embedding == "fp32":
        return graph.node("MatMul", [last, transposed], "logits")
    scale = graph.node("Transpose", ["embedding.scale"], "embedding.scale.transposed", perm=[1, 0])  # [1, V]
    return int8_product(graph, "logits", last, transposed, scale)


def rotary_tables(config: ModelConfig) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """cos and sin of `position * theta ** (-2 j / head_dim)`, [context_length, head_dim / 2] each.

    https://arxiv.org/abs/2104.09864, computed in float64 and rounded once, so that the angle of a late position is not
    off by float32's error in the frequency.
    """
    half = config.head_dim // 2
    frequencies = config.rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    angles = np.outer(np.arange(config.context_length, dtype=np.float64), frequencies)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
