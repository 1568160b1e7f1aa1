"""The two blocks and their feed-forward layers as ONNX nodes: the twin of `tinylm.model.blocks`."""

from __future__ import annotations

from tinylm.export.graph.attention import causal_self_attention
from tinylm.export.graph.model_graph import ModelGraph, stored_name


def swiglu(graph: ModelGraph, at: str, x: str) -> str:
    """`down(silu(gate(x)) * up(x))` (https://arxiv.org/abs/2002.05202), (1, T, D) -> (1, T, D)."""
    name = stored_name(at)
    both = graph.linear(f"{at}.gate_up", x)  # (1, T, 2 F)
    graph.node("Split", [both], [name + ".gate", name + ".up"], axis=-1, num_outputs=2)
    # QuickGelu is x * sigmoid(alpha * x): SiLU when alpha is 1.
    gate = graph.contrib("QuickGelu", [name + ".gate"], name + ".silu", alpha=1.0)
    return graph.linear(f"{at}.down", graph.node("Mul", [gate, name + ".up"], name + ".gated"))


def gelu_feed_forward(graph: ModelGraph, at: str, x: str) -> str:
    """`down(gelu(up(x)))`, GELU in its exact form (https://arxiv.org/abs/1606.08415), (1, T, D) -> (1, T, D)."""
    up = graph.linear(f"{at}.up", x)  # (1, T, F)
    return graph.linear(f"{at}.down", graph.node("Gelu", [up], f"{stored_name(at)}.gelu"))


def pre_norm_block(
    graph: ModelGraph, layer: int, x: str, branch: str | None, *, rotary: tuple[str, str]
) -> tuple[str, str]:
    """`x + f(norm(x))` for attention and feed-forward: returns the residual stream and what is still to be added to it.

    One operator adds and normalises, so the last sum of a block is the first thing that the next norm does.
    """
    at = f"blocks.{layer}"
    normed, x = rms_norm(graph, f"{at}.attention_norm", x, branch)
    branch = causal_self_attention(graph, layer, normed, rotary=rotary)
    normed, x = rms_norm(graph, f"{at}.mlp_norm", x, branch)
    return x, swiglu(graph, f"{at}.mlp", normed)


def post_norm_block(graph: ModelGraph, layer: int, x: str) -> str:
    """`norm(x + f(x))` for attention and feed-forward."""
    at = f"blocks.{layer}"
    x = layer_norm(graph, f"{at}.attention_norm", x, causal_self_attention(graph, layer, x, rotary=None))
    return layer_norm(graph, f"{at}.mlp_norm", x, gelu_feed_forward(graph, f"{at}.mlp", x))


def rms_norm(graph: ModelGraph, layer: str, x: str, branch: str | None) -> tuple[str, str]:
    """`x = x + branch`, then RMSNorm (https://arxiv.org/abs/1910.07467): returns (weight * x / rms(x), x)."""
    name, weight, epsilon = stored_name(layer), graph.vector(f"{layer}.weight"), graph.config.norm_eps
    if branch is None:
        return graph.node("SimplifiedLayerNormalization", [x, weight], name, axis=-1, epsilon=epsilon), x
    # The unnamed outputs are statistics for training; the fourth is the sum that goes on as the residual stream.
    outputs = [name, "", "", name + ".residual"]
    return graph.contrib("SkipSimplifiedLayerNormalization", [x, branch, weight], outputs, epsilon=epsilon), outputs[3]


def layer_norm(graph: ModelGraph, layer: str, x: str, branch: str) -> str:
    """`LayerNorm(x + branch)` (https://arxiv.org/abs/1607.06450), one node."""
    parts = [graph.vector(f"{layer}.weight"), graph.vector(f"{layer}.bias")]
    inputs = [x, branch, *parts]
    return graph.contrib("SkipLayerNormalization", inputs, stored_name(layer), epsilon=graph.config.norm_eps)
