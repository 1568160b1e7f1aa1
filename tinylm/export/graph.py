"""The transformer as one small ONNX graph, written node by node; the twin of the torch module in `tinylm.model`.

One graph does prefill (many tokens) and decode (one token). The keys and values of past tokens live in buffers of fixed
size that go in as `past.*` and come out as `present.*`; a runtime that binds the same memory to both never copies them.

    inputs    input_ids int32 [1, T]        total_length int32 [1]: tokens in the buffers after this call, T included
              past.{i}.key, past.{i}.value  float32 [1, n_kv_head, context_length, head_dim], for every layer i
    outputs   logits float32 [1, vocab_size], of the last position
              present.{i}.key, present.{i}.value, same shapes as past

Why by hand: an exporter's graph of the same model is two times slower (measured), because at this size a node costs
as much as its arithmetic (0.3 to 0.5 us). Why ONNX Runtime's own operators (domain `com.microsoft`): rotary attention
over a fixed cache, residual + norm, and int8 products are one kernel each, on x86 and on ARM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from tinylm.config import ModelConfig
from tinylm.errors import TinylmError
from tinylm.export.quantization import quantize_rows

Scheme = Literal["fp32", "int8"]

CONTRIB = "com.microsoft"
OPSET = 21
IR_VERSION = 10


def build_graph(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]], *, scheme: Scheme) -> bytes:
    """Return the bytes of a `model.onnx` for `weights` (names and shapes: `weight_shapes`); same input, same bytes.

    TinylmError when the architecture is not `llama` or `check_weights` refuses.
    """
    check_weights(config, weights)
    graph = _Graph(scheme)
    add_transformer(graph, config, weights)
    return graph.serialize(config)


def input_names(config: ModelConfig) -> tuple[str, ...]:
    """The graph's inputs, in order."""
    return ("input_ids", "total_length", *_cache_names("past", config))


def output_names(config: ModelConfig) -> tuple[str, ...]:
    """The graph's outputs, in order."""
    return ("logits", *_cache_names("present", config))


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


def check_weights(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
    """Refuse weights that are not exactly this configuration's, or not finite: TinylmError names the tensor."""
    if config.architecture != "llama":
        raise TinylmError(
            f"the architecture `{config.architecture}` cannot be exported in this version",
            "train a `llama` model, such as the preset `tiny`",
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


class _Graph:
    """Collects nodes and constants. Methods return the name of what they made, so calls nest like the formula."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def node(self, op: str, inputs: list[str], output: str | list[str], **attributes: Any) -> str:
        """Add a node of ONNX itself; the first output's name comes back."""
        return self._add(op, inputs, output, "", attributes)

    def contrib(self, op: str, inputs: list[str], output: str | list[str], **attributes: Any) -> str:
        """Add a node of ONNX Runtime's own operators; the first output's name comes back."""
        return self._add(op, inputs, output, CONTRIB, attributes)

    def _add(self, op: str, inputs: list[str], output: str | list[str], domain: str, attributes: dict[str, Any]) -> str:
        outputs = [output] if isinstance(output, str) else output
        self._nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def serialize(self, config: ModelConfig) -> bytes:
        cache = [1, config.n_kv_head, config.context_length, config.head_dim]
        inputs = [_value("input_ids", TensorProto.INT32, [1, "T"]), _value("total_length", TensorProto.INT32, [1])]
        inputs += [_value(name, TensorProto.FLOAT, cache) for name in _cache_names("past", config)]
        outputs = [_value("logits", TensorProto.FLOAT, [1, config.vocab_size])]
        outputs += [_value(name, TensorProto.FLOAT, cache) for name in _cache_names("present", config)]
        model: ModelProto = helper.make_model(
            helper.make_graph(self._nodes, "tinylm", inputs, outputs, list(self._constants.values())),
            producer_name="tinylm",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)],
        )
        data: bytes = model.SerializeToString(deterministic=True)
        return data


def add_transformer(graph: _Graph, config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
    """Token ids to logits: `embedding -> n_layer x (x + attention(norm(x)); x + mlp(norm(x))) -> norm -> head`."""
    cos, sin = rotary_tables(config)
    graph.constant("cos", cos)
    graph.constant("sin", sin)
    # GroupQueryAttention wants the index of the last valid position, not the count.
    graph.node("Sub", ["total_length", graph.constant("one", np.array([1], np.int32))], "last_position")
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
        )
        normed, x = add_norm(graph, at + "mlp_norm", x, branch, weights[block + "mlp_norm.weight"], config)
        branch = mlp(graph, i, normed, weights[block + "mlp.gate_up.weight"], weights[block + "mlp.down.weight"])
    normed, _ = add_norm(graph, "norm", x, branch, weights["norm.weight"], config)
    head(graph, normed)


def embedding(graph: _Graph, weight: NDArray[np.floating]) -> str:
    """Rows of the embedding, float32 (1, T, D). The matrix [V, D] is stored once and `head` uses it too."""
    if graph.scheme == "fp32":
        return graph.node("Gather", [graph.constant("embedding", weight.astype(np.float32)), "input_ids"], "embedded")
    quantized = quantize_rows(weight)
    graph.constant("embedding", quantized.values)  # int8 [V, D]
    graph.constant("embedding.scale", quantized.scales[:, None])  # float32 [V, 1]
    rows = graph.node("Gather", ["embedding", "input_ids"], "embedded.int8")  # (1, T, D)
    rows = graph.node("Cast", [rows], "embedded.unscaled", to=TensorProto.FLOAT)
    scales = graph.node("Gather", ["embedding.scale", "input_ids"], "embedded.scale")  # (1, T, 1)
    return graph.node("Mul", [rows, scales], "embedded")


def add_norm(
    graph: _Graph, name: str, x: str, branch: str | None, weight: NDArray[np.floating], config: ModelConfig
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


def attention(
    graph: _Graph, layer: int, x: str, qkv: NDArray[np.floating], output: NDArray[np.floating], config: ModelConfig
) -> str:
    """Causal grouped-query attention with rotary positions over the cached keys and values."""
    at = f"{layer}.attention"
    packed = linear(graph, f"{at}.qkv", x, qkv)  # (1, T, (H + 2 KV) * head_dim)
    past, present = f"past.{layer}.", f"present.{layer}."
    mixed = graph.contrib(
        "GroupQueryAttention",
        [packed, "", "", past + "key", past + "value", "last_position", "total_length", "cos", "sin"],
        [at + ".mixed", present + "key", present + "value"],
        num_heads=config.n_head,
        kv_num_heads=config.n_kv_head,
        do_rotary=1,
        rotary_interleaved=0,
    )  # (1, T, D)
    return linear(graph, f"{at}.output", mixed, output)


def mlp(graph: _Graph, layer: int, x: str, gate_up: NDArray[np.floating], down: NDArray[np.floating]) -> str:
    """SwiGLU (https://arxiv.org/abs/2002.05202): `down(silu(gate(x)) * up(x))`."""
    at = f"{layer}.mlp"
    both = linear(graph, f"{at}.gate_up", x, gate_up)  # (1, T, 2 F)
    graph.node("Split", [both], [at + ".gate", at + ".up"], axis=-1, num_outputs=2)
    # QuickGelu is x * sigmoid(alpha * x): SiLU when alpha is 1.
    gate = graph.contrib("QuickGelu", [at + ".gate"], at + ".silu", alpha=1.0)
    gated = graph.node("Mul", [gate, at + ".up"], at + ".gated")  # (1, T, F)
    return linear(graph, f"{at}.down", gated, down)


def linear(graph: _Graph, name: str, x: str, weight: NDArray[np.floating]) -> str:
    """`x @ weight.T` for a weight [out, in]; stored as [in, out], which is what the kernels read."""
    if graph.scheme == "fp32":
        return graph.node("MatMul", [x, graph.constant(name + ".weight", weight.T.astype(np.float32))], name)
    quantized = quantize_rows(weight)
    graph.constant(name + ".weight", quantized.values.T)
    return int8_product(graph, name, x, name + ".weight", graph.constant(name + ".scale", quantized.scales))


def int8_product(graph: _Graph, name: str, x: str, weight: str, scale: str) -> str:
    """Quantize `x` to uint8 (one scale per call), multiply integers, and scale every output column.

    DynamicQuantizeMatMul could take the column scales itself, but that path is slower than a scalar 1 and an explicit
    Mul (+14 us a token at 1.3 M parameters, measured).
    """
    unit = graph.constant("unit", np.array(1, np.float32))
    unscaled = graph.contrib("DynamicQuantizeMatMul", [x, weight, unit], name + ".unscaled")
    return graph.node("Mul", [unscaled, scale], name)


def head(graph: _Graph, x: str) -> str:
    """Logits of the last position from the tied embedding; ONNX Runtime folds the transposes at load."""
    last = graph.node("Gather", [x, graph.constant("last", np.array(-1, np.int32))], "last_hidden", axis=1)  # (1, D)
    transposed = graph.node("Transpose", ["embedding"], "embedding.transposed", perm=[1, 0])  # [D, V]
    if graph.scheme == "fp32":
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


def _cache_names(side: str, config: ModelConfig) -> list[str]:
    return [f"{side}.{i}.{part}" for i in range(config.n_layer) for part in ("key", "value")]


def _value(name: str, kind: int, shape: Sequence[int | str]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
