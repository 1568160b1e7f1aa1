"""Causal self-attention over the cached keys and values as ONNX nodes: the twin of `tinylm.model.attention`."""

from __future__ import annotations

import numpy as np

from tinylm.export.graph.model_graph import ModelGraph


def rotary_embedding(graph: ModelGraph) -> tuple[str, str]:
    """cos and sin of `position * theta ** (-2 j / head_dim)`, float32 [context_length, head_dim / 2] each.

    https://arxiv.org/abs/2104.09864, computed in float64 and rounded once, so that the angle of a late position is not
    off by float32's error in the frequency.
    """
    config, half = graph.config, graph.config.head_dim // 2
    frequencies = config.rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    angles = np.outer(np.arange(config.context_length, dtype=np.float64), frequencies)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    return graph.constant("cos", cos), graph.constant("sin", sin)


def last_position(graph: ModelGraph) -> str:
    """The index of the last valid position, int32 [1]: the attention wants it, not the count."""
    return graph.node("Sub", ["total_length", graph.constant("one", np.array([1], np.int32))], "last_position")


def causal_self_attention(graph: ModelGraph, layer: int, x: str, *, rotary: tuple[str, str] | None) -> str:
    """Grouped-query attention, (1, T, D) -> (1, T, D); reads `past.{layer}` and writes `present.{layer}`."""
    config, at = graph.config, f"blocks.{layer}.attention"
    packed = graph.linear(f"{at}.qkv", x)  # (1, T, (H + 2 KV) * head_dim)
    past, present = f"past.{layer}.", f"present.{layer}."
    inputs = [packed, "", "", past + "key", past + "value", "last_position", "total_length", *(rotary or ())]
    quantized: dict[str, str | int] = {}
    if graph.cache_scales is not None:
        scales = [
            graph.constant(f"{layer}.attention.{part}.scale", graph.cache_scales[f"{layer}.{part}"])
            for part in ("key", "value")
        ]
        inputs += [""] * (12 - len(inputs)) + scales  # their places among the operator's inputs
        quantized = {"k_quant_type": "PER_CHANNEL", "v_quant_type": "PER_CHANNEL", "kv_cache_bit_width": 8}
    mixed = graph.contrib(
        "GroupQueryAttention",
        inputs,
        [f"{layer}.attention.mixed", present + "key", present + "value"],
        num_heads=config.n_head,
        kv_num_heads=config.n_kv_head,
        do_rotary=int(rotary is not None),
        rotary_interleaved=0,
        local_window_size=config.sliding_window or -1,
        **quantized,
    )  # (1, T, D)
    return graph.linear(f"{at}.output", mixed)
