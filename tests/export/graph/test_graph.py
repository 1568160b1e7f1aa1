"""The hand-built graph against the formula in float64, against its own quantization, and against the torch module."""

from __future__ import annotations

import ast
import collections
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.export.graph.graph import build_graph, input_names, output_names
from tinylm.export.graph.quantization import quantize_rows
from tinylm.model import weight_shapes
from tinylm.runtime.backends.onnxruntime_session import overflows_int8
from tinylm.settings.model import ModelConfig
from tinylm.settings.run import PRESETS

GROUPED = ModelConfig(
    architecture="llama", vocab_size=96, context_length=48, n_layer=3, n_head=4, n_kv_head=2, d_model=64, d_ff=88
)
FULL = dataclasses.replace(GROUPED, n_kv_head=4, n_layer=2, rope_theta=500.0, norm_eps=1e-6)
SINGLE = dataclasses.replace(GROUPED, n_kv_head=1, n_layer=1, d_model=32, n_head=2)
SLIDING = dataclasses.replace(GROUPED, sliding_window=7)
CLASSIC = dataclasses.replace(GROUPED, architecture="classic", n_kv_head=4, n_layer=2)
SHAPES = [
    pytest.param(GROUPED, id="grouped"),
    pytest.param(FULL, id="full"),
    pytest.param(SINGLE, id="multi-query"),
    pytest.param(SLIDING, id="sliding"),
]

Weights = dict[str, NDArray[np.float32]]


def random_weights(config: ModelConfig, seed: int = 0) -> Weights:
    """Weights whose activations stay near 1, with norms that are not all 1 and an outlier in every matrix."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in weight_shapes(config).items():
        values = rng.standard_normal(shape)
        if len(shape) == 1:
            values = 1 + 0.2 * values
        else:
            values *= shape[1] ** -0.5
            values[shape[0] // 2, 1] *= 4
        weights[name] = values.astype(np.float32)
    return weights


def exact(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x


def as_bytes(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every row of `x` rounded to 256 levels between its smallest and largest value, zero among them.

    https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html, row by row as decoding does.
    """
    low, high = np.minimum(x.min(-1, keepdims=True), 0), np.maximum(x.max(-1, keepdims=True), 0)
    step = (high - low) / 255
    zero = np.rint(-low / step)
    return np.asarray((np.clip(np.rint(x / step) + zero, 0, 255) - zero) * step)


def reference(
    config: ModelConfig,
    weights: Weights,
    ids: list[int],
    activation: Callable[[NDArray[np.float64]], NDArray[np.float64]] = exact,
) -> NDArray[np.float64]:
    """Logits [T, V] of the whole text at once, as the papers write the formula, in float64 and without a cache.

    `activation` is applied to what goes into every matrix.
    """
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    heads, kv, d, length = config.n_head, config.n_kv_head, config.head_dim, len(ids)

    def norm(x: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(x / np.sqrt(np.square(x).mean(-1, keepdims=True) + config.norm_eps) * weight)

    def rotate(x: NDArray[np.float64]) -> NDArray[np.float64]:  # (T, H, d)
        angle = np.arange(length)[:, None, None] * config.rope_theta ** (-np.arange(d // 2) * 2 / d)
        first, second = x[..., : d // 2], x[..., d // 2 :]
        return np.concatenate(
            [first * np.cos(angle) - second * np.sin(angle), second * np.cos(angle) + first * np.sin(angle)], -1
        )

    x = w["embedding.weight"][ids]
    for i in range(config.n_layer):
        at = f"blocks.{i}."
        packed = activation(norm(x, w[at + "attention_norm.weight"])) @ w[at + "attention.qkv.weight"].T
        q, k, v = np.split(packed.reshape(length, -1, d), [heads, heads + kv], axis=1)
        k, v = (np.repeat(part, heads // kv, axis=1) for part in (rotate(k), v))
        scores = np.einsum("qhd,khd->hqk", rotate(q), k) / np.sqrt(d)
        distance = np.subtract.outer(np.arange(length), np.arange(length))  # of a query to a key before it
        seen = (distance >= 0) & (distance < (config.sliding_window or length))
        scores = np.where(seen, scores, -np.inf)
        share = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = np.einsum("hqk,khd->qhd", share / share.sum(-1, keepdims=True), v).reshape(length, -1)
        x = x + activation(mixed) @ w[at + "attention.output.weight"].T
        both = activation(norm(x, w[at + "mlp_norm.weight"])) @ w[at + "mlp.gate_up.weight"].T
        gate, up = np.split(both, 2, axis=-1)
        x = x + activation(gate / (1 + np.exp(-gate)) * up) @ w[at + "mlp.down.weight"].T
    return np.asarray(activation(norm(x, w["norm.weight"])) @ w["embedding.weight"].T)


class PlainSession:
    """The graph in plain onnxruntime, as any program would use it: dictionaries in, lists out."""

    def __init__(self, config: ModelConfig, graph: bytes) -> None:
        self.config = config
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        if overflows_int8():  # as docs/onnxruntime.md advises
            options.add_session_config_entry("session.x64quantprecision", "1")
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.reset()

    def reset(self) -> None:
        shape = (1, self.config.n_kv_head, self.config.context_length, self.config.head_dim)
        self.cache = [np.zeros(shape, np.float32) for _ in range(2 * self.config.n_layer)]
        self.length = 0

    def feed(self, ids: list[int]) -> NDArray[np.float32]:
        self.length += len(ids)
        seen, greedy = np.zeros((1, self.config.vocab_size), np.uint8), np.array([0, 0, 1, 1], np.float32)
        length, uniform = np.array([self.length], np.int32), np.zeros(1, np.float32)
        inputs = [np.array([ids], np.int32), length, seen, greedy, uniform, *self.cache]
        found = self.session.run(None, dict(zip(input_names(self.config), inputs, strict=True)))
        logits, _token, _logprob, *self.cache = found
        return np.asarray(logits[0])


def prompt(config: ModelConfig, length: int) -> list[int]:
    return [int(token) for token in np.random.default_rng(length).integers(config.vocab_size, size=length)]


# fp32 rounds at 6e-8 relative; some hundred operations in a row on values near 1 stay well below 2e-5.
@pytest.mark.parametrize("config", SHAPES)
def test_fp32_graph_computes_the_formula_at_every_position(config: ModelConfig) -> None:
    weights, ids = random_weights(config), prompt(config, config.context_length)
    expected = reference(config, weights, ids)
    session = PlainSession(config, build_graph(config, weights, scheme="fp32"))
    stepped = np.array([session.feed([token]) for token in ids])
    np.testing.assert_allclose(stepped, expected, atol=2e-5 * np.abs(expected).max())
    session.reset()
    np.testing.assert_allclose(session.feed(ids), expected[-1], atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("config", [*SHAPES, pytest.param(CLASSIC, id="classic")])
@pytest.mark.parametrize("chunk", [1, 5, 16])
def test_chunks_of_a_prompt_give_what_the_whole_gives(config: ModelConfig, chunk: int) -> None:
    ids = prompt(config, 37)
    session = PlainSession(config, build_graph(config, random_weights(config), scheme="fp32"))
    whole = session.feed(ids)
    session.reset()
    for start in range(0, len(ids), chunk):
        last = session.feed(ids[start : start + chunk])
    np.testing.assert_allclose(last, whole, atol=2e-5 * np.abs(whole).max())


def test_a_shorter_length_forgets_what_the_buffers_still_hold() -> None:
    ids = prompt(GROUPED, 20)
    session = PlainSession(GROUPED, build_graph(GROUPED, random_weights(GROUPED), scheme="fp32"))
    for token in ids:
        session.feed([token])
    session.length = 10
    again = session.feed([ids[10]])
    np.testing.assert_allclose(again, reference(GROUPED, random_weights(GROUPED), ids[:11])[-1], atol=5e-5)


@pytest.mark.parametrize("config", SHAPES)
def test_int8_graph_computes_the_formula_with_rounded_weights_and_activations(config: ModelConfig) -> None:
    weights, ids = random_weights(config), prompt(config, 40)
    rounded = {n: quantize_rows(w).dequantize() if w.ndim == 2 else w for n, w in weights.items()}
    expected = reference(config, rounded, ids, as_bytes)
    session = PlainSession(config, build_graph(config, weights, scheme="int8"))
    stepped = np.array([session.feed([token]) for token in ids])
    # Measured 4e-8 to 8e-8. The mean would not do: a few activations round to the neighbouring level in float32.
    assert np.median(np.abs(stepped - expected)) < 1e-6 * expected.std()
    # Against the exact formula the rounding itself shows; measured .018 to .030 for these random weights.
    assert np.abs(stepped - reference(config, weights, ids)).mean() < 0.05 * expected.std()


@pytest.mark.parametrize("config", [GROUPED, CLASSIC], ids=["tied", "untied"])
def test_an_embedding_may_stay_in_float_in_an_int8_graph(config: ModelConfig) -> None:
    weights, ids = random_weights(config), prompt(config, 20)
    model = onnx.load_from_string(build_graph(config, weights, scheme="int8", embedding="fp32"))
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    assert stored["embedding"].data_type == onnx.TensorProto.FLOAT
    # The other matrices, `positions` of classic among them, stay int8.
    bytes_only = [tensor for tensor in stored.values() if tensor.data_type == onnx.TensorProto.INT8]
    assert len(bytes_only) == sum(weight.ndim == 2 for weight in weights.values()) - 1
    # Of an embedding that int8 holds exactly, only the rounding of a tied head's activations remains (measured .006).
    weights["embedding.weight"] = quantize_rows(weights["embedding.weight"]).dequantize()
    kept = PlainSession(config, build_graph(config, weights, scheme="int8", embedding="fp32"))
    int8 = PlainSession(config, build_graph(config, weights, scheme="int8"))
    logits, expected = (np.array([session.feed([token]) for token in ids]) for session in (kept, int8))
    assert np.abs(logits - expected).mean() < (0.02 if config is GROUPED else 1e-6) * expected.std()


def test_int8_holds_every_matrix_once_as_signed_bytes() -> None:
    config = PRESETS["tiny"].model
    weights = random_weights(config)
    data = build_graph(config, weights, scheme="int8")
    model = onnx.load_from_string(data)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    matrices = [t for t in stored.values() if len(t.dims) == 2 and t.data_type == onnx.TensorProto.INT8]
    assert len(matrices) == 1 + 4 * config.n_layer
    assert sum(t.dims[0] * t.dims[1] for t in matrices) == sum(w.size for w in weights.values() if w.ndim == 2)
    operators = collections.Counter(node.op_type for node in model.graph.node)
    assert operators["DynamicQuantizeMatMul"] == 4 * config.n_layer + 1
    assert not operators.keys() & {"MatMul", "Gemm", "MatMulNBits"}
    assert len(data) <= 1.15 * sum(w.size for w in weights.values())


@pytest.mark.parametrize("scheme", ["fp32", "int8"])
def test_the_contract_of_inputs_and_outputs(scheme: str) -> None:
    data = build_graph(GROUPED, random_weights(GROUPED), scheme="fp32" if scheme == "fp32" else "int8")
    assert data == build_graph(GROUPED, random_weights(GROUPED), scheme="fp32" if scheme == "fp32" else "int8")
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    cache = [1, 2, 48, 16]
    inputs = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    assert tuple(inputs) == input_names(GROUPED)
    assert inputs["input_ids"] == ("tensor(int32)", [1, "T"])
    assert inputs["total_length"] == ("tensor(int32)", [1])
    outputs = {o.name: (o.type, o.shape) for o in session.get_outputs()}
    assert tuple(outputs) == output_names(GROUPED)
    assert outputs["logits"] == ("tensor(float)", [1, 96])
    assert inputs["seen"] == ("tensor(uint8)", [1, 96])
    assert inputs["sampling"] == ("tensor(float)", [4])
    assert inputs["uniform"] == outputs["logprob"] == ("tensor(float)", [1])
    assert outputs["next_token"] == ("tensor(int32)", [1, 1])
    for name in (*input_names(GROUPED)[5:], *output_names(GROUPED)[3:]):
        assert {**inputs, **outputs}[name] == ("tensor(float)", cache)


def test_weights_that_do_not_fit_are_refused_by_name() -> None:
    weights = random_weights(GROUPED)
    with pytest.raises(TinylmError, match=r"lack `norm\.weight`"):
        build_graph(GROUPED, {n: w for n, w in weights.items() if n != "norm.weight"}, scheme="fp32")
    with pytest.raises(TinylmError, match="unknown tensor `head`"):
        build_graph(GROUPED, {**weights, "head": weights["norm.weight"]}, scheme="fp32")
    with pytest.raises(TinylmError, match=r"`norm\.weight` has the shape \[3\]; \[64\] was expected"):
        build_graph(GROUPED, {**weights, "norm.weight": np.ones(3, np.float32)}, scheme="int8")
    with pytest.raises(TinylmError, match=r"lack `blocks\.0\.attention_norm\.bias`"):
        build_graph(CLASSIC, weights, scheme="int8")


def test_heads_that_the_attention_cannot_do_are_refused() -> None:
    config = dataclasses.replace(CLASSIC, d_model=40, n_head=4)
    with pytest.raises(TinylmError, match=r"`d_model` / `n_head` is 10; .* a multiple of 8"):
        build_graph(config, random_weights(config), scheme="fp32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    weights = random_weights(GROUPED)
    weights["blocks.1.mlp.down.weight"][3, 4] = value
    with pytest.raises(TinylmError, match=r"`blocks\.1\.mlp\.down\.weight` has 1 values") as caught:
        build_graph(GROUPED, weights, scheme="int8")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("config", [*SHAPES, pytest.param(CLASSIC, id="classic")])
def test_fp32_graph_agrees_with_the_torch_module(config: ModelConfig) -> None:
    torch = pytest.importorskip("torch")
    model = pytest.importorskip("tinylm.model").build(config)
    weights = random_weights(config)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    ids = prompt(config, 32)
    with torch.inference_mode():
        expected = model.eval()(torch.tensor([ids]))[0].numpy()
    session = PlainSession(config, build_graph(config, weights, scheme="fp32"))
    stepped = np.array([session.feed([token]) for token in ids])
    np.testing.assert_allclose(stepped, expected, atol=4e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["attention.py", "blocks.py", "transformer.py"])
def test_the_graph_has_the_module_s_parts_in_the_module_s_order(name: str) -> None:
    """`PreNormBlock` of tinylm/model/blocks.py is `pre_norm_block` of tinylm/export/graph/blocks.py."""
    package = Path(tinylm.__file__).parent

    def defined(folder: str) -> list[str]:
        tree = ast.parse((package / folder / name).read_text(encoding="utf-8"))
        names = [node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
        return [re.sub("(?<=[a-z])(?=[A-Z])", "_", each).lower().replace("swi_glu", "swiglu") for each in names]

    module, graph = defined("model"), defined("export/graph")
    both = [part for part in module if part in graph]
    assert both == [part for part in graph if part in module]
    expected = {
        "attention.py": ["rotary_embedding", "causal_self_attention"],
        "blocks.py": ["swiglu", "gelu_feed_forward", "pre_norm_block", "post_norm_block"],
        "transformer.py": ["learned_positions", "_llama", "_classic"],
    }
    assert both == expected[name]
