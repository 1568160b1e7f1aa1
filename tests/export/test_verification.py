"""The gates see what they are for: a wrong formula, a lost integer product, a second copy, lost quality, a NaN."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.export.graph.graph import build_graph
from tinylm.export.graph.model_graph import Scheme
from tinylm.export.kernels import audit_cores
from tinylm.export.quality.predictions import by_module
from tinylm.export.report import ExportResult
from tinylm.export.verification import Gate, integer_gate, refuse_failures, size_gate, torch_gates
from tinylm.model import from_weights, weight_shapes
from tinylm.runtime.engine import Engine
from tinylm.settings.model import ModelConfig
from tinylm.settings.run import PRESETS
from tinylm.tokenizer.tokenizer import BOS, Tokenizer

Weights = dict[str, NDArray[np.float32]]


def gate(measured: float, limit: float, name: str = "torch_logits") -> Gate:
    return Gate(name=name, measured=measured, limit=limit, unit="tokens", meaning="something")


def test_every_gate_is_measured_and_passes(int8: ExportResult, fp32: ExportResult) -> None:
    both = ["torch_logits", "torch_greedy", "cached_decode"]
    quality = ["sampler", "graph_bytes", "bpb_increase.es", "bpb_increase.en"]
    engine = ["engine_golden", "engine_kl", "engine_bpb"]
    assert [g.name for g in fp32.report.gates] == [*both, *quality, *engine]
    assert [g.name for g in int8.report.gates] == [*both, "int8_chunks", "int8_products", *quality, *engine]
    measured = {g.name: g.measured for g in int8.report.gates}
    assert 0 < measured["torch_logits"] < 1e-5
    assert 0 < measured["cached_decode"] < 1e-5
    assert measured["int8_chunks"] > 0


def test_a_gate_passes_up_to_its_limit_and_never_on_nan() -> None:
    assert gate(1, 1).passed
    assert not gate(math.nextafter(1, 2), 1).passed
    assert not gate(math.nan, 1).passed


def test_failures_are_named_with_value_limit_and_distance() -> None:
    refuse_failures([gate(1, 2), gate(2, 2)])
    with pytest.raises(TinylmError) as caught:
        refuse_failures([gate(1, 2), gate(0.5, 0.2, "bpb_increase.en"), gate(3, 0, "int8_products")])
    assert "`bpb_increase.en` is 0.5 tokens, 0.3 over the limit 0.2 (something)" in caught.value.message
    assert "`int8_products` is 3 tokens" in caught.value.message
    assert "torch_logits" not in caught.value.message
    assert caught.value.exit_code == 1


def test_another_model_than_the_trained_one_fails_both_torch_gates(
    fp32: ExportResult, config: ModelConfig, weights: Weights, tokenizer: Tokenizer, held_out: dict[str, list[str]]
) -> None:
    """Weights that differ by 1 % stand for any formula that is nearly right."""
    other = {name: weight * np.float32(1.01 if "gate_up" in name else 1) for name, weight in weights.items()}
    prompts = [[BOS, *tokenizer.encode(text)][:24] for text, *_ in held_out.values()]
    with Engine(fp32.bundle) as engine:
        logits, _ = torch_gates(by_module(from_weights(config, other)), engine, prompts)
        assert logits.measured > 10 * logits.limit
        reversed_norm = {**weights, "norm.weight": -weights["norm.weight"]}
        logits, greedy = torch_gates(by_module(from_weights(config, reversed_norm)), engine, prompts)
    assert not logits.passed
    assert greedy.measured > 0


def test_a_product_that_is_not_integer_is_counted(config: ModelConfig, weights: Weights) -> None:
    def measured(graph: bytes, embedding: Scheme) -> float:
        return integer_gate(config, audit_cores(graph), embedding).measured

    graph = build_graph(config, weights, scheme="int8")
    assert measured(graph, "int8") == 0
    assert measured(build_graph(config, weights, scheme="fp32"), "int8") == 9
    kept = build_graph(config, weights, scheme="int8", embedding="fp32")
    assert measured(kept, "fp32") == 0
    assert measured(kept, "int8") == 1
    model = onnx.load_from_string(graph)
    (head,) = [node for node in model.graph.node if node.output[0] == "logits.unscaled"]
    head.op_type = "MatMulNBits"
    assert measured(model.SerializeToString(), "int8") == 1
    # An untied head is int8 whatever the embedding is.
    classic = dataclasses.replace(config, architecture="classic", n_kv_head=config.n_head)
    assert integer_gate(classic, audit_cores(kept), "fp32").measured == 1


def with_a_head_of_its_own(graph: bytes) -> bytes:
    """The same graph with a second embedding, as exporters write it that fold constants: transposed, for the head."""
    model = onnx.load_from_string(graph)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    transposes = [node for node in model.graph.node if node.op_type == "Transpose"]
    for node in transposes:
        folded = np.ascontiguousarray(stored[node.input[0]].T)
        model.graph.initializer.append(onnx.numpy_helper.from_array(folded, node.output[0]))
        model.graph.node.remove(node)
    assert transposes
    onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(("scheme", "embedding"), [("int8", "int8"), ("int8", "fp32"), ("fp32", "fp32")])
def test_a_second_copy_of_the_embedding_is_too_big(scheme: Scheme, embedding: Scheme) -> None:
    """At the size of a real model, where even an int8 embedding is larger than the allowance beside the weights."""
    config = PRESETS["tiny"].model
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in weight_shapes(config).items()}
    graph = build_graph(config, weights, scheme=scheme, embedding=embedding)
    assert size_gate(config, graph, scheme, embedding).passed
    refused = size_gate(config, with_a_head_of_its_own(graph), scheme, embedding)
    with pytest.raises(TinylmError, match="`graph_bytes` is "):
        refuse_failures([refused])
