"""A graph in the making: nodes and constants, written so that calls nest like the formula.

    graph = Graph("tinylm")
    half = graph.node("Mul", [x, graph.constant("half", np.array(0.5, np.float32))], "half_of_x")
    graph.to_proto(inputs, outputs)

A branch of an `If` is a `Graph` of its own: it sees every value of the graphs around it, and keeps its constants to
itself, because each value that it takes from outside costs time at every call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

CONTRIB = "com.microsoft"


class Graph:
    """Collects nodes and constants. Methods return the name of what they made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def node(self, op: str, inputs: Sequence[str], output: str | list[str], **attributes: Any) -> str:
        """Add a node of ONNX itself; the first output's name comes back."""
        return self._add(op, inputs, output, "", attributes)

    def contrib(self, op: str, inputs: Sequence[str], output: str | list[str], **attributes: Any) -> str:
        """Add a node of ONNX Runtime's own operators; the first output's name comes back."""
        return self._add(op, inputs, output, CONTRIB, attributes)

    def extend(self, other: Graph) -> None:
        """Take over another graph's nodes and constants; names must not meet."""
        self._nodes += other._nodes
        self._constants |= other._constants

    def to_proto(self, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]) -> GraphProto:
        proto: GraphProto = helper.make_graph(self._nodes, self.name, inputs, outputs, list(self._constants.values()))
        return proto

    def _add(
        self, op: str, inputs: Sequence[str], output: str | list[str], domain: str, attributes: dict[str, Any]
    ) -> str:
        outputs = [output] if isinstance(output, str) else output
        self._nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
        return outputs[0]


def value(name: str, kind: int, shape: Sequence[int | str]) -> ValueInfoProto:
    """An input or output: name, `onnx.TensorProto` element type, shape; a dimension may be a name."""
    return helper.make_tensor_value_info(name, kind, shape)
