"""Which kernel an operator gets: pure functions of the graph and the processor's flags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tinylm.bundle.reading import Bundle
from tinylm.onnx.graph_file import OnnxModel, parse_onnx, read_onnx
from tinylm.onnx.kernel_audit import AuditRow, audit
from tinylm.onnx.kernels import Cpu

onnx = pytest.importorskip("onnx", reason='graphs are built with onnx: pip install -e ".[train]"')
np = pytest.importorskip("numpy")

A53 = Cpu(arch="aarch64", isa=frozenset({"asimd"}))
A72 = Cpu(arch="aarch64", isa=frozenset({"asimd"}))
A76 = Cpu(arch="aarch64", isa=frozenset({"asimd", "asimddp", "asimdhp", "fphp"}))
I8MM = Cpu(arch="aarch64", isa=A76.isa | {"i8mm"} if A76.isa else None)
VNNI = Cpu(arch="x86_64", isa=frozenset({"avx2", "avx512_vnni"}))
AVX2 = Cpu(arch="x86_64", isa=frozenset({"avx2"}))
SSE = Cpu(arch="x86_64", isa=frozenset({"sse4_2"}))
UNKNOWN = Cpu(arch="arm64", isa=None)


def graph(nodes: list[Any], constants: dict[str, Any]) -> OnnxModel:
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 32])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y], initializers), opset_imports=imports)
    return parse_onnx(model.SerializeToString())


def node(op: str, inputs: list[str], output: str = "y", **attributes: Any) -> Any:
    domain = "com.microsoft" if op in ("DynamicQuantizeMatMul", "MatMulNBits", "MatMulIntegerToFloat", "QGemm") else ""
    return onnx.helper.make_node(op, inputs, [output], domain=domain, **attributes)


def dynamic(*, dtype: str = "int8", columns: int = 1) -> OnnxModel:
    constants = {"w": np.zeros((32, 8), dtype), "s": np.ones(columns, np.float32)}
    return graph([node("DynamicQuantizeMatMul", ["x", "w", "s"])], constants)


def nbits(*, bits: int = 8, accuracy_level: int = 4, block_size: int = 32) -> OnnxModel:
    attributes = {"K": 32, "N": 8, "bits": bits, "block_size": block_size, "accuracy_level": accuracy_level}
    constants = {"w": np.zeros((8, 1, 32 * bits // 8), np.uint8), "s": np.ones(8, np.float32)}
    return graph([node("MatMulNBits", ["x", "w", "s"], **attributes)], constants)


def floats() -> OnnxModel:
    return graph([node("MatMul", ["x", "w"])], {"w": np.zeros((32, 8), np.float32)})


def only(model: OnnxModel, cpu: Cpu) -> AuditRow:
    (row,) = audit(model, cpu)
    return row


@pytest.mark.parametrize(
    ("make", "cpu", "integer", "level", "kernel"),
    [
        (dynamic, A53, True, "ok", "NEON int8 multiply-add"),
        (dynamic, A72, True, "ok", "NEON int8 multiply-add"),
        (dynamic, A76, True, "ok", "NEON int8 dot products"),
        (dynamic, I8MM, True, "ok", "i8mm"),
        (dynamic, VNNI, True, "ok", "VNNI"),
        (dynamic, AVX2, True, "warning", "AVX2"),
        (dynamic, SSE, True, "warning", "SSE"),
        (dynamic, UNKNOWN, True, "note", "unknown"),
        (lambda: dynamic(dtype="uint8"), A53, True, "ok", "NEON"),
        (lambda: dynamic(dtype="uint8"), A76, True, "ok", "dot products"),
        (lambda: dynamic(dtype="uint8"), VNNI, True, "ok", "16-bit"),
        (lambda: dynamic(dtype="uint8"), SSE, True, "warning", "SSE"),
        (lambda: dynamic(columns=8), A53, True, "note", "NEON"),
        (nbits, A53, False, "problem", "whole matrix to floats"),
        (nbits, A72, False, "problem", "whole matrix to floats"),
        (nbits, A76, True, "ok", "block int8"),
        (nbits, VNNI, True, "ok", "block int8"),
        (nbits, AVX2, True, "ok", "block int8"),
        (nbits, SSE, False, "problem", "whole matrix to floats"),
        (nbits, UNKNOWN, False, "note", "unknown"),
        (lambda: nbits(accuracy_level=0), A76, False, "problem", "whole matrix to floats"),
        (lambda: nbits(accuracy_level=0), VNNI, False, "problem", "whole matrix to floats"),
        (lambda: nbits(block_size=48), A76, False, "problem", "none"),
        (lambda: nbits(bits=4), A53, False, "warning", "4-bit weights unpacked"),
        (lambda: nbits(bits=4), A76, True, "ok", "4-bit"),
        (lambda: nbits(bits=4, accuracy_level=1), A76, False, "warning", "4-bit weights unpacked"),
        (lambda: nbits(bits=2), A76, False, "warning", "unknown"),
        (floats, A53, False, "note", "float product"),
        (floats, VNNI, False, "note", "float product"),
    ],
)
def test_kernels(make: Callable[[], OnnxModel], cpu: Cpu, integer: bool, level: str, kernel: str) -> None:
    row = only(make(), cpu)
    assert (row.integer, row.level) == (integer, level), row
    assert kernel in row.kernel
    assert bool(row.reason) == (level != "ok")


def test_an_unknown_architecture() -> None:
    row = only(dynamic(), Cpu(arch="riscv64", isa=frozenset({"v"})))
    assert (row.kernel, row.level) == ("unknown", "note")
    assert "riscv64" in row.reason


def test_weights_behind_a_transpose_are_constant() -> None:
    nodes = [node("Transpose", ["e"], "t", perm=[1, 0]), node("DynamicQuantizeMatMul", ["x", "t", "s"])]
    row = only(graph(nodes, {"e": np.zeros((8, 32), np.int8), "s": np.ones(1, np.float32)}), A53)
    assert (row.weights, row.level) == ("int8", "ok")


def test_weights_in_a_constant_node() -> None:
    value = onnx.numpy_helper.from_array(np.zeros((32, 8), np.float32))
    nodes = [onnx.helper.make_node("Constant", [], ["w"], value=value), node("MatMul", ["x", "w"])]
    assert only(graph(nodes, {}), A53).weights == "float32"


def test_a_matrix_that_is_computed_is_packed_at_every_call() -> None:
    nodes = [node("DynamicQuantizeMatMul", ["x", "x", "s"])]
    assert only(graph(nodes, {"s": np.ones(1, np.float32)}), A53).level == "warning"


def test_weights_that_are_dequantized_first() -> None:
    nodes = [node("DequantizeLinear", ["w", "s"], "f"), node("MatMul", ["x", "f"])]
    model = graph(nodes, {"w": np.zeros((32, 8), np.int8), "s": np.ones((), np.float32)})
    assert [only(model, cpu).level for cpu in (A53, A76, VNNI, SSE, UNKNOWN)] == [
        "problem",
        "warning",
        "warning",
        "problem",
        "note",
    ]
    assert only(model, A53).detail == "dequantized first"


@pytest.mark.parametrize(
    ("zero_point", "cpu", "level"),
    [("uint8", A53, "note"), ("uint8", VNNI, "note"), ("int8", A53, "note"), ("int8", VNNI, "problem")],
)
def test_a_pair_of_quantized_inputs(zero_point: str, cpu: Cpu, level: str) -> None:
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], "q"),
        node("DequantizeLinear", ["q", "s", "z"], "a"),
        node("DequantizeLinear", ["w", "s"], "f"),
        node("MatMul", ["a", "f"]),
    ]
    constants = {"w": np.zeros((32, 8), np.int8), "s": np.ones((), np.float32), "z": np.zeros((), zero_point)}
    row = only(graph(nodes, constants), cpu)
    assert (row.integer, row.level, row.detail) == (True, level, "pair of dequantized inputs")


@pytest.mark.parametrize(
    ("weights", "cpu", "level"),
    [("int8", A53, "ok"), ("uint8", A53, "warning"), ("int8", VNNI, "problem"), ("uint8", VNNI, "problem")],
)
def test_signed_activations(weights: str, cpu: Cpu, level: str) -> None:
    nodes = [node("QuantizeLinear", ["x", "s", "z"], "q"), node("MatMulInteger", ["q", "w"])]
    constants = {"w": np.zeros((32, 8), weights), "s": np.ones((), np.float32), "z": np.zeros((), np.int8)}
    assert only(graph(nodes, constants), cpu).level == level


def test_weights_that_are_cast() -> None:
    nodes = [node("Cast", ["w"], "f", to=onnx.TensorProto.FLOAT), node("MatMul", ["x", "f"])]
    row = only(graph(nodes, {"w": np.zeros((32, 8), np.int8)}), A53)
    assert (row.level, row.detail) == ("warning", "cast to float")


def test_a_circle_ends() -> None:
    nodes = [node("Transpose", ["b"], "a"), node("Transpose", ["a"], "b"), node("MatMul", ["x", "a"])]
    assert only(graph(nodes, {}), A53).weights is None


def test_products_inside_a_loop_count_too() -> None:
    helper = onnx.helper
    inner = helper.make_graph(
        [node("MatMul", ["x", "v"], "z")],
        "inner",
        [],
        [helper.make_tensor_value_info("z", 1, None)],
        [onnx.numpy_helper.from_array(np.zeros((32, 8), np.float32), "v")],
    )
    nodes = [helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)]
    row = only(graph(nodes, {"c": np.array(True)}), A53)
    assert (row.count, row.level) == (2, "note")


def test_the_bundles_that_tinylm_exports(make_bundle: Callable[..., Bundle]) -> None:
    """int8 is integer on every board, with one product per matrix and none else; fp32 is a note."""
    int8 = audit(read_onnx(make_bundle(scheme="int8").model), A53)
    products = [row for row in int8 if row.weights]
    assert [(row.op, row.count, row.integer, row.level) for row in products] == [
        ("DynamicQuantizeMatMul", 2 * 4 + 1, True, "ok")
    ]
    assert {row.op for row in int8} == {"DynamicQuantizeMatMul", "GroupQueryAttention"}
    fp32 = audit(read_onnx(make_bundle(scheme="fp32").model), A53)
    assert [(row.op, row.count, row.level) for row in fp32 if row.weights] == [("MatMul", 9, "note")]


def test_the_worst_comes_first() -> None:
    nodes = [
        node("DynamicQuantizeMatMul", ["x", "w", "s"], "a"),
        node("DequantizeLinear", ["w", "s"], "f"),
        node("MatMul", ["x", "f"]),
    ]
    rows = audit(graph(nodes, {"w": np.zeros((32, 8), np.int8), "s": np.ones((), np.float32)}), A53)
    assert [row.level for row in rows] == ["problem", "ok"]
