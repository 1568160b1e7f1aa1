"""Which kernel each matrix product of a graph gets on a processor, and whether it is integer inside.

A quantized file says nothing about speed: ONNX Runtime picks kernels by processor, and some operators have none on some
processors and turn whole matrices back into floats at every call. This module finds the products of a graph;
`tinylm.onnx.kernels` knows the kernels.

    audit(read_onnx(path), Cpu(arch="aarch64", isa=frozenset({"asimd"})))   # pure: one row per operator and variant

`Cpu` takes what `uname -m` and /proc/cpuinfo say. Where the flags are unknown, no kernel is named.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tinylm.onnx.graph_file import Graph, Node, OnnxModel, Tensor
from tinylm.onnx.kernels import (
    ATTENTION,
    CAST_WEIGHTS,
    DEQUANTIZED_PAIR,
    DEQUANTIZED_WEIGHTS,
    FLOAT_OPS,
    INTEGER_OPS,
    LEVELS,
    PACKED_OPS,
    Cpu,
    Level,
    Operator,
    choose_kernel,
)

# Where a constant's values pass through unchanged; ONNX Runtime folds these at load.
_TRANSPARENT = {"Transpose", "Identity", "Reshape", "Squeeze", "Unsqueeze"}
_WEIGHT_INPUT = {"QLinearMatMul": 3, "QGemm": 3}
_SCALE_INPUT = {"DynamicQuantizeMatMul": 2, "MatMulIntegerToFloat": 3, "QLinearMatMul": 4, "QGemm": 4}


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """What an operator becomes on a processor."""

    op: str
    count: int
    weights: str | None
    detail: str
    kernel: str
    integer: bool
    level: Level
    reason: str
    """Why it has this level; empty when it is `ok`."""


def audit(model: OnnxModel, cpu: Cpu) -> tuple[AuditRow, ...]:
    """One row for each kind of compute operator, those with the worst level first."""
    found = Counter(operator for graph in model.graph.all_graphs() for operator in operators(graph))
    rows = [_row(operator, count, cpu) for operator, count in found.items()]
    return tuple(sorted(rows, key=lambda row: (-LEVELS.index(row.level), row.op, row.detail)))


def operators(graph: Graph) -> list[Operator]:
    """The matrix products and attention operators of one graph, in its order."""
    producers = {output: node for node in graph.nodes for output in node.outputs if output}
    found = []
    for node in graph.nodes:
        if node.op_type in FLOAT_OPS:
            found.append(_float_product(node, graph, producers))
        elif node.op_type in INTEGER_OPS:
            found.append(_integer_product(node, graph, producers))
        elif node.op_type in PACKED_OPS:
            found.append(_packed_product(node))
        elif node.op_type in ATTENTION:
            found.append(Operator(op=node.op_type, weights=None))
    return found


def _integer_product(node: Node, graph: Graph, producers: dict[str, Node]) -> Operator:
    weight = _constant(_input(node, _WEIGHT_INPUT.get(node.op_type, 1)), graph, producers)
    scale = _constant(_input(node, _SCALE_INPUT.get(node.op_type, -1)), graph, producers)
    signed = _is_signed(_input(node, 0), graph, producers)
    details = [
        "" if scale is None else "scalar scale" if scale.elements == 1 else "column scales",
        "signed activations" if signed else "",
    ]
    return Operator(
        op=node.op_type,
        weights=None if weight is None else weight.data_type,
        detail=", ".join(filter(None, details)),
        signed_activations=signed,
    )


def _float_product(node: Node, graph: Graph, producers: dict[str, Node]) -> Operator:
    sides = [_source(_input(node, index), producers) for index in (0, 1)]
    quantized = [side is not None and side.op_type == "DequantizeLinear" for side in sides]
    for index in (1, 0):
        side = sides[index]
        if side is not None and quantized[index]:
            weight = _constant(_input(side, 0), graph, producers)
            if weight is not None:
                other = sides[1 - index]
                return Operator(
                    op=node.op_type,
                    weights=weight.data_type,
                    detail=DEQUANTIZED_PAIR if all(quantized) else DEQUANTIZED_WEIGHTS,
                    signed_activations=other is not None and _is_signed(_input(other, 0), graph, producers),
                )
    for index in (1, 0):
        weight = _constant(_input(node, index), graph, producers)
        if weight is not None:
            return Operator(op=node.op_type, weights=weight.data_type)
        cast = sides[index]
        if cast is not None and cast.op_type == "Cast":
            weight = _constant(_input(cast, 0), graph, producers)
            if weight is not None:
                return Operator(op=node.op_type, weights=weight.data_type, detail=CAST_WEIGHTS)
    return Operator(op=node.op_type, weights=None)


def _packed_product(node: Node) -> Operator:
    bits, level, block = (_integer(node, name) for name in ("bits", "accuracy_level", "block_size"))
    bits = bits if node.op_type == "MatMulNBits" else 4
    return Operator(
        op=node.op_type,
        weights=f"{bits} bits",
        detail=f"accuracy level {level}, blocks of {block}" if node.op_type == "MatMulNBits" else "",
        bits=bits,
        accuracy_level=level,
        block_size=block,
    )


def _row(operator: Operator, count: int, cpu: Cpu) -> AuditRow:
    kernel = choose_kernel(operator, cpu)
    return AuditRow(
        op=operator.op,
        count=count,
        weights=operator.weights,
        detail=operator.detail,
        kernel=kernel.name,
        integer=kernel.integer,
        level=kernel.level,
        reason=kernel.reason,
    )


def _is_signed(name: str, graph: Graph, producers: dict[str, Node]) -> bool:
    """Whether activations are int8: QuantizeLinear makes them so when its zero point is."""
    node = _source(name, producers)
    if node is None or node.op_type != "QuantizeLinear":
        return False  # DynamicQuantizeLinear makes uint8, and so do the operators that quantize by themselves
    zero_point = _constant(_input(node, 2), graph, producers)
    return zero_point is not None and zero_point.data_type == "int8"


def _input(node: Node, index: int) -> str:
    return node.inputs[index] if 0 <= index < len(node.inputs) else ""


def _source(name: str, producers: dict[str, Node]) -> Node | None:
    """The node that makes `name`, seen through those that only move values."""
    seen: set[str] = set()
    while (node := producers.get(name)) is not None and node.op_type in _TRANSPARENT and name not in seen:
        seen.add(name)  # a damaged file may hold a circle
        name = _input(node, 0)
    return node


def _constant(name: str, graph: Graph, producers: dict[str, Node]) -> Tensor | None:
    """The constant behind `name`, seen through nodes that only move values; None when it is computed."""
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        if name in graph.initializers:
            return graph.initializers[name]
        node = producers.get(name)
        if node is None:
            return None
        if node.op_type == "Constant":
            value = node.attributes.get("value")
            return value if isinstance(value, Tensor) else None
        if node.op_type not in _TRANSPARENT:
            return None
        name = _input(node, 0)
    return None


def _integer(node: Node, name: str) -> int:
    value = node.attributes.get(name, 0)
    return value if isinstance(value, int) else 0
