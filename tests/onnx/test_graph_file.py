"""The bounded ONNX reader against the `onnx` package: the same model for good files, only errors for bad ones."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.onnx import wire as onnx_wire
from tinylm.onnx.graph_file import Graph, OnnxModel, Tensor, parse_onnx, read_onnx

onnx = pytest.importorskip("onnx", reason='files are made with onnx: pip install -e ".[train]"')
np = pytest.importorskip("numpy")
helper, TensorProto = onnx.helper, onnx.TensorProto


def model(*, nodes: list[Any] | None = None, initializers: list[Any] | None = None, **changed: Any) -> Any:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "T", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    nodes = nodes if nodes is not None else [helper.make_node("Add", ["x", "w"], ["y"], name="n")]
    initializers = initializers if initializers is not None else [tensor("w", np.arange(4, dtype=np.float32))]
    graph = helper.make_graph(nodes, "g", [x], [y], initializers)
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(graph, **{"opset_imports": imports, "ir_version": 10, **changed})
    return made


def tensor(name: str, value: Any) -> Any:
    return onnx.numpy_helper.from_array(value, name)


def parsed(made: Any) -> OnnxModel:
    return parse_onnx(made.SerializeToString())


def refused(made: Any) -> str:
    with pytest.raises(TinylmError) as caught:
        parse_onnx(made if isinstance(made, bytes) else made.SerializeToString())
    assert caught.value.exit_code == 2
    return caught.value.message


def test_a_model(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(model().SerializeToString())
    found = read_onnx(tmp_path / "a.onnx")
    assert (found.ir_version, found.opsets) == (10, {"": 21, "com.microsoft": 1})
    (node,) = found.graph.nodes
    assert (node.op_type, node.name, node.inputs, node.outputs, node.domain) == ("Add", "n", ("x", "w"), ("y",), "")
    assert found.graph.inputs[0].shape == (1, "T", 4)
    assert found.graph.outputs[0].shape is None
    assert found.graph.initializers["w"] == Tensor(name="w", data_type="float32", dims=(4,), stored_bytes=16)


def test_attributes() -> None:
    values = {"i": -3, "f": 0.5, "s": "text", "ints": [1, -(2**40)], "floats": [1.5, 2.0], "strings": ["a", "b"]}
    node = helper.make_node("Any", ["x", "", "w"], ["y"], **values, t=tensor("t", np.zeros((2, 3), np.int8)))
    (found,) = parsed(model(nodes=[node])).graph.nodes
    assert found.inputs == ("x", "", "w")
    assert found.attributes == {
        "i": -3,
        "f": 0.5,
        "s": "text",
        "ints": (1, -(2**40)),
        "floats": (1.5, 2.0),
        "strings": ("a", "b"),
        "t": Tensor(name="t", data_type="int8", dims=(2, 3), stored_bytes=6),
    }


def test_the_exported_graph_is_read_as_onnx_reads_it(make_bundle: Callable[..., Bundle]) -> None:
    for scheme in ("fp32", "int8"):
        path = make_bundle(scheme=scheme).model
        same(read_onnx(path), onnx.load(path))


def same(found: OnnxModel, expected: Any) -> None:
    assert found.ir_version == expected.ir_version
    assert found.opsets == {entry.domain: entry.version for entry in expected.opset_import}
    same_graph(found.graph, expected.graph)


def same_graph(found: Graph, graph: Any) -> None:
    assert [(n.op_type, n.domain, n.name, list(n.inputs), list(n.outputs)) for n in found.nodes] == [
        (n.op_type, n.domain, n.name, list(n.input), list(n.output)) for n in graph.node
    ]
    for mine, theirs in zip(found.nodes, graph.node, strict=True):
        branches = [attribute.g for attribute in theirs.attribute if attribute.type == onnx.AttributeProto.GRAPH]
        for branch, expected in zip(mine.subgraphs, branches, strict=True):
            same_graph(branch, expected)
        for attribute in theirs.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                continue
            value = helper.get_attribute_value(attribute)
            value = value.decode() if isinstance(value, bytes) else tuple(value) if isinstance(value, list) else value
            assert mine.attributes[attribute.name] == value
    assert [(v.name, v.shape) for v in (*found.inputs, *found.outputs)] == [
        (v.name, tuple(d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim))
        for v in (*graph.input, *graph.output)
    ]
    assert found.initializers.keys() == {t.name for t in graph.initializer}
    for theirs in graph.initializer:
        mine_ = found.initializers[theirs.name]
        array = onnx.numpy_helper.to_array(theirs)
        assert (mine_.data_type, mine_.dims, mine_.stored_bytes) == (str(array.dtype), array.shape, array.nbytes)


def test_values_in_typed_fields() -> None:
    """Not raw bytes: floats of fixed size, and integers as varints."""
    made = [
        helper.make_tensor("f", TensorProto.FLOAT, [2], [1.0, 2.0]),
        helper.make_tensor("i", TensorProto.INT64, [2], [-1, 300]),
        helper.make_tensor("s", TensorProto.STRING, [1], [b"abc"]),
        helper.make_tensor("empty", TensorProto.FLOAT, [0], []),
    ]
    found = parsed(model(initializers=made, nodes=[])).graph.initializers
    assert [(t.data_type, t.dims) for t in found.values()] == [
        ("float32", (2,)),
        ("int64", (2,)),
        ("string", (1,)),
        ("float32", (0,)),
    ]


def test_external_data_is_refused_and_named() -> None:
    outside = tensor("w", np.zeros(4, np.float32))
    outside.ClearField("raw_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="../../etc/passwd")
    assert "`w` lies outside the file, in `../../etc/passwd`" in refused(model(initializers=[outside]))
    hidden = helper.make_node("Constant", [], ["y"], value=outside)
    assert "../../etc/passwd" in refused(model(nodes=[hidden], initializers=[]))
    inner = helper.make_graph([hidden], "inner", [], [])
    assert "../../etc/passwd" in refused(model(nodes=[helper.make_node("If", ["x"], ["y"], then_branch=inner)]))
    unmarked = tensor("w", np.zeros(4, np.float32))
    unmarked.external_data.add(key="location", value="elsewhere.bin")
    assert "elsewhere.bin" in refused(model(initializers=[unmarked]))
    many = helper.make_node("Any", [], ["y"], values=[outside])
    assert "../../etc/passwd" in refused(model(nodes=[many]))


def test_unknown_domains_are_refused() -> None:
    evil = helper.make_node("Run", ["x"], ["y"], domain="evil.corp")
    assert "`evil.corp`" in refused(model(nodes=[evil]))
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("evil.corp", 1)]
    assert "`evil.corp`" in refused(model(nodes=[evil], opset_imports=imports))
    # ONNX Runtime's own optimizer writes imports of eight domains that no node of the graph is of.
    assert parsed(model(opset_imports=imports)).opsets == {"": 21, "evil.corp": 1}
    contrib = helper.make_node("QuickGelu", ["x"], ["y"], domain="com.microsoft")
    assert "does not import" in refused(model(nodes=[contrib], opset_imports=[helper.make_opsetid("", 21)]))
    assert parsed(model(opset_imports=[helper.make_opsetid("ai.onnx", 21)])).opsets == {"": 21}


def test_what_could_hide_something_is_refused() -> None:
    function = helper.make_function("", "F", ["a"], ["b"], [], [helper.make_opsetid("", 21)])
    assert "model-local functions" in refused(model(functions=[function]))
    sparse = model()
    sparse.graph.sparse_initializer.add()
    assert "sparse" in refused(sparse)
    training = model()
    training.training_info.add()
    assert "training" in refused(training)
    graph = model().graph.SerializeToString()
    assert "field 7 twice" in refused(model().SerializeToString() + b"\x3a" + bytes([len(graph)]) + graph)
    same_name = [tensor("w", np.zeros(1, np.float32)), tensor("w", np.zeros(1, np.float32))]
    assert "empty or taken" in refused(model(initializers=same_name))
    again = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["y"])]
    assert "makes `y` twice" in refused(model(nodes=again))


def test_sizes_must_agree() -> None:
    short = tensor("w", np.zeros(4, np.float32))
    short.raw_data = b"123"
    assert "`w` of float32 [4] has 3 bytes" in refused(model(initializers=[short]))
    nothing = tensor("w", np.zeros(4, np.float32))
    nothing.ClearField("raw_data")
    assert "0 bytes of values" in refused(model(initializers=[nothing]))
    claimed = helper.make_tensor("w", TensorProto.INT32, [2], [1, 2])
    claimed.dims[:] = [2**30]
    assert "has 2 bytes of values" in refused(model(initializers=[claimed]))
    negative = tensor("w", np.zeros(0, np.float32))
    negative.dims[:] = [-4]
    assert "cannot be" in refused(model(initializers=[negative]))
    huge = tensor("w", np.zeros(0, np.float32))
    huge.dims[:] = [2**62, 2**62]
    assert "cannot be" in refused(model(initializers=[huge]))
    unknown = tensor("w", np.zeros(1, np.float32))
    unknown.data_type = 99
    assert "data type 99" in refused(model(initializers=[unknown]))


@pytest.mark.parametrize("values", [[1, np.nan], [np.inf, 1], [-np.inf, np.inf]])
def test_values_that_are_no_numbers_are_refused_where_looking_is_cheap(values: list[float]) -> None:
    assert "`w` of float32 [2] has values that are NaN" in refused(
        model(initializers=[tensor("w", np.array(values, np.float32))])
    )
    hidden = helper.make_node("Constant", [], ["y"], value=tensor("c", np.array(values, np.float32)))
    assert "`c` of float32 [2] has values that are NaN" in refused(model(nodes=[hidden]))
    large = np.full(100_000, np.nan, np.float32)
    parsed(model(initializers=[tensor("w", large)]))


def test_minus_infinity_is_a_mask_and_allowed() -> None:
    largest = np.finfo(np.float32).max
    for values in ([-np.inf, -np.inf], [0, -np.inf], [largest, largest]):
        parsed(model(initializers=[tensor("w", np.array(values, np.float32))]))


def test_graphs_inside_graphs_have_a_limit() -> None:
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "innermost", [], [])
    for _ in range(30):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "g", [], [])
    assert "more than 8 deep" in refused(model(nodes=list(graph.node)))


def test_no_model_at_all(tmp_path: Path) -> None:
    assert "is no ONNX model" in refused(b"")
    for data in (
        b"\x00",
        b"\x08",
        b"\x3a\xff\xff\xff\xff\x0f",
        b"\xff" * 20,
        b"PK\x03\x04 a zip file",
        b"{}",
        b"\x0b\x0c",
    ):
        refused(data)
    (tmp_path / "empty").touch()
    with pytest.raises(TinylmError, match="has 0 bytes"):
        read_onnx(tmp_path / "empty")
    with pytest.raises(TinylmError, match="cannot read"):
        read_onnx(tmp_path / "missing")
    with pytest.raises(TinylmError, match="cannot read"):
        read_onnx(tmp_path)


def test_a_small_file_cannot_make_a_large_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty fields of two bytes each: 300 bytes of memory a field at most, and so 150 MB for all that are allowed."""
    assert onnx_wire.MAX_FIELDS <= 500_000
    monkeypatch.setattr(onnx_wire, "MAX_FIELDS", 20_000)
    data = b"\x72\x00" * 40_000
    tracemalloc.start()
    try:
        assert "more than 20000 fields" in refused(data)
        assert tracemalloc.get_traced_memory()[1] < 20_000 * 300
    finally:
        tracemalloc.stop()


def test_weights_are_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "big.onnx"
    big = tensor("w", np.zeros((1000, 10_000), np.int8))
    path.write_bytes(model(initializers=[big]).SerializeToString())
    tracemalloc.start()
    try:
        assert read_onnx(path).graph.initializers["w"].stored_bytes == 10_000_000
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
_ARRAYS = st.tuples(
    st.sampled_from(["float32", "int8", "uint8", "int64", "float16", "bool"]),
    st.lists(st.integers(0, 4), max_size=3),
).map(lambda kind: np.zeros(kind[1], kind[0]))


@st.composite
def models(draw: st.DrawFn) -> Any:
    names = draw(st.lists(_NAMES, unique=True, min_size=1, max_size=6))
    initializers = [tensor(f"c{name}", draw(_ARRAYS)) for name in draw(st.lists(st.sampled_from(names), unique=True))]
    nodes = [
        helper.make_node(
            draw(_NAMES),
            draw(st.lists(_NAMES, max_size=3)),
            [f"n{index}{name}"],
            name=draw(_NAMES),
            domain=draw(st.sampled_from(["", "com.microsoft"])),
            **draw(
                st.dictionaries(
                    st.sampled_from("abc"),
                    st.one_of(
                        st.integers(-(2**63), 2**63 - 1),
                        st.floats(width=32, allow_nan=False),
                        _NAMES,
                        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4),
                    ),
                )
            ),
        )
        for index, name in enumerate(names)
    ]
    return model(nodes=nodes, initializers=initializers)


@given(models())
@settings(max_examples=100)
def test_any_model_is_read_as_onnx_reads_it(made: Any) -> None:
    found, expected = parsed(made), made
    expected.graph.output[0].type.tensor_type.shape.Clear()
    assert [n.op_type for n in found.graph.nodes] == [n.op_type for n in expected.graph.node]
    for mine, theirs in zip(found.graph.nodes, expected.graph.node, strict=True):
        for attribute in theirs.attribute:
            value = helper.get_attribute_value(attribute)
            value = value.decode() if isinstance(value, bytes) else tuple(value) if isinstance(value, list) else value
            assert mine.attributes[attribute.name] == value
    for theirs in expected.graph.initializer:
        assert found.graph.initializers[theirs.name].dims == tuple(theirs.dims)


def survives(data: bytes) -> None:
    """A model or a TinylmError; anything else is a defect."""
    try:
        found = parse_onnx(data)
    except TinylmError:
        return
    assert isinstance(found.graph, Graph)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes(data: bytes) -> None:
    survives(data)


@given(models(), st.data())
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
def test_a_model_with_damage(made: Any, draw: st.DataObject) -> None:
    """Bytes flipped, cut out, put in: what a bad card or a bad person does."""
    data = bytearray(made.SerializeToString())
    for _ in range(draw.draw(st.integers(1, 5))):
        at = draw.draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw.draw(st.sampled_from(["flip", "cut", "insert", "end"]))
        if kind == "flip" and data:
            data[at] ^= draw.draw(st.integers(1, 255))
        elif kind == "cut":
            del data[at : at + draw.draw(st.integers(1, 20))]
        elif kind == "insert":
            data[at:at] = draw.draw(st.binary(min_size=1, max_size=10))
        else:
            del data[at:]
    survives(bytes(data))


def test_every_truncation_of_an_exported_graph(make_bundle: Callable[..., Bundle]) -> None:
    data = make_bundle(scheme="int8").model.read_bytes()
    for length in range(0, len(data), 997):
        refused(data[:length])
