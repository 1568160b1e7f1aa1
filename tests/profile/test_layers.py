"""Every call of every graph that the export writes finds its layer, whatever ONNX Runtime made of it at load."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from tinylm.base.buffer import Buffer
from tinylm.export.graph.graph import build_graph
from tinylm.model import weight_shapes
from tinylm.onnx.graph_file import Graph, Node, OnnxModel, read_onnx
from tinylm.profile.layers import OTHER, layer_finder, layer_names
from tinylm.profile.trace import Call, read_trace
from tinylm.runtime.backends.onnxruntime_session import Session
from tinylm.settings.model import ModelConfig


def traced(config: ModelConfig, scheme: Literal["fp32", "int8"], folder: Path) -> tuple[OnnxModel, list[Call]]:
    """A graph of random weights, and the calls of one decode step of it."""
    rng = np.random.default_rng(0)
    weights = {name: rng.standard_normal(shape) / 8 for name, shape in weight_shapes(config).items()}
    model = folder / "model.onnx"
    model.write_bytes(build_graph(config, weights, scheme=scheme))
    session = Session(model, trace=folder / "operators")
    buffers = {
        name: Buffer([1 if size is None else size for size in value.shape], value.type)
        for name, value in session.inputs.items()
    }
    buffers["total_length"].data[0] = 1
    outputs = {
        name: Buffer([1 if size is None else size for size in value.shape], value.type)
        for name, value in session.outputs.items()
        if not name.startswith("present.")
    }
    present = {name.replace("past", "present"): buffer for name, buffer in buffers.items() if name.startswith("past.")}
    session.bind(buffers, outputs | present).run()
    session.close()
    session.close()  # twice is fine, and writes nothing more
    (file,) = folder.glob("operators*.json")
    (run,) = read_trace(file)
    return read_onnx(model), list(run.calls)


@pytest.mark.parametrize("scheme", ["fp32", "int8"])
@pytest.mark.parametrize("architecture", ["llama", "classic"])
def test_no_call_is_lost(
    architecture: Literal["llama", "classic"], scheme: Literal["fp32", "int8"], tmp_path: Path
) -> None:
    config = ModelConfig(
        architecture=architecture,
        vocab_size=128,
        context_length=48,
        n_layer=3,
        n_head=4,
        n_kv_head=2 if architecture == "llama" else 4,
        d_model=64,
        d_ff=88,
    )
    model, calls = traced(config, scheme, tmp_path)
    layer = layer_finder(model)
    found = Counter(map(layer, calls))
    assert set(found) == set(layer_names(3)) - {OTHER}, [call for call in calls if layer(call) == OTHER]
    assert found["layer 0"] == found["layer 1"] == found["layer 2"]
    attention = [layer(call) for call in calls if call.op == "GroupQueryAttention"]
    assert attention == ["layer 0", "layer 1", "layer 2"]


def test_what_is_not_the_node_of_that_number_is_other() -> None:
    nodes = tuple(Node(op, "", "", (), (output,), {}, ()) for op, output in (("Mul", "12.mlp.gated"), ("Mul", "odd")))
    layer = layer_finder(OnnxModel(10, {"": 21}, Graph("g", nodes, (), (), {})))

    def of(op: str, number: int) -> str:
        return layer(Call(op=op, own_us=1, node=number, node_op=op))

    assert of("Mul", 0) == "layer 12"
    assert [of("Mul", 1), of("Add", 0), of("Mul", 2), of("Mul", -1)] == [OTHER] * 4
