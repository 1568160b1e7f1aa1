"""Reading an ONNX file without the `onnx` package, and without trusting it.

A device has no `onnx`, and a bundle comes from elsewhere. This is the part of protobuf's wire format that ONNX uses
(https://protobuf.dev/programming-guides/encoding, onnx/onnx.proto), read with bounds: a length never reaches past what
holds it, nesting and counts are limited, weights are never copied. What could hide something is refused: external data,
unknown operator domains, model-local functions, sparse weights, a field twice where one is allowed (readers differ on
which one counts), fewer values than a tensor's shape has, NaN among scales and norms.

    model = read_onnx(path)         # or parse_onnx(data)
    model.opsets                    # {"": 21, "com.microsoft": 1}
    model.graph.initializers["embedding"].data_type   # "int8"

TinylmError for anything malformed, with the place in the file. A device pays for it at every start: an S model (1.4 MB,
634 messages) takes 3 ms and leaves 0.05 MB behind, so records are named tuples, which are made faster than dataclasses.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tinylm.base.errors import TinylmError
from tinylm.onnx.wire import Message

DOMAINS = frozenset({"", "com.microsoft"})
"""Operator domains that are known here: ONNX's own (also written `ai.onnx`) and ONNX Runtime's."""

MAX_FILE_BYTES = 2**31 - 1
"""A protobuf message cannot be larger."""
_MAX_CHECKED_ELEMENTS = 65_536
"""Larger float32 tensors are not searched for NaN: scales and norms are smaller, and int8 weights cannot hold one."""
_MAX_GRAPH_DEPTH = 8
_MAX_DIMENSIONS = 32

# TensorProto.DataType: name, and bits of an element (0: no fixed size).
_DATA_TYPES: dict[int, tuple[str, int]] = {
    1: ("float32", 32),
    2: ("uint8", 8),
    3: ("int8", 8),
    4: ("uint16", 16),
    5: ("int16", 16),
    6: ("int32", 32),
    7: ("int64", 64),
    8: ("string", 0),
    9: ("bool", 8),
    10: ("float16", 16),
    11: ("float64", 64),
    12: ("uint32", 32),
    13: ("uint64", 64),
    14: ("complex64", 64),
    15: ("complex128", 128),
    16: ("bfloat16", 16),
    17: ("float8e4m3fn", 8),
    18: ("float8e4m3fnuz", 8),
    19: ("float8e5m2", 8),
    20: ("float8e5m2fnuz", 8),
    21: ("uint4", 4),
    22: ("int4", 4),
    23: ("float4e2m1", 4),
    24: ("float8e8m0", 8),
    25: ("uint2", 2),
    26: ("int2", 2),
}
_HINT = "export the bundle again"


class ExternalData(TinylmError):
    """Weights lie in another file, at a path that the model's author chose."""


class Tensor(NamedTuple):
    """A constant of the graph: what it is, not its values."""

    name: str
    data_type: str
    """As numpy spells it where numpy has it, such as `int8`."""
    dims: tuple[int, ...]
    stored_bytes: int
    """Bytes of values in the file."""

    @property
    def elements(self) -> int:
        return math.prod(self.dims)


class Value(NamedTuple):
    """An input or output of a graph; `None` where the file does not say. A dimension may be a name."""

    name: str
    data_type: str | None
    shape: tuple[int | str | None, ...] | None


Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Tensor | None
"""A node attribute; None for the kinds that no operator of a language model needs (types, lists of tensors)."""


class Node(NamedTuple):
    op_type: str
    domain: str
    """An empty string is ONNX's own."""
    name: str
    inputs: tuple[str, ...]
    """An empty string is an optional input that is left out."""
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]
    subgraphs: tuple[Graph, ...]
    """Of `If` and `Loop`."""


class Graph(NamedTuple):
    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    initializers: dict[str, Tensor]

    def all_graphs(self) -> Iterator[Graph]:
        """This graph and those inside its nodes."""
        yield self
        for node in self.nodes:
            for graph in node.subgraphs:
                yield from graph.all_graphs()


class OnnxModel(NamedTuple):
    ir_version: int
    opsets: dict[str, int]
    """Domain to version."""
    graph: Graph


def read_onnx(path: Path) -> OnnxModel:
    """Read the file `path`, mapped and not loaded: TinylmError for everything that is wrong with it."""
    # Not closed by hand: views of it live in the traceback of an error, and it goes with the last of them.
    return parse_onnx(memoryview(_map(path)), where=f"`{path}`")


def _map(path: Path) -> mmap.mmap:
    """A file mapped copy-on-write: nothing writes to it, and its address can be given to C."""
    where = f"`{path}`"
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if not 0 < size <= MAX_FILE_BYTES:
                raise TinylmError(f"{where} has {size} bytes; 1 to {MAX_FILE_BYTES} were expected", _HINT)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise TinylmError(f"cannot read {where}: {error.strerror}", _HINT) from error


class Constant:
    """A constant of the graph with its values, which stay where the file is mapped."""

    def __init__(self, tensor: Tensor, values: memoryview, file: mmap.mmap) -> None:
        self.data_type, self.dims = tensor.data_type, tensor.dims
        self.values = values
        """Its bytes as they lie in the file."""
        self._file = file

    def address(self) -> int:
        """Where the values lie in memory."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self.values))

    def give_back(self) -> None:
        """Tell the system that the pages which hold these values are not needed any more."""
        start = self.address() - ctypes.addressof(ctypes.c_char.from_buffer(self._file))
        first, last = (
            -(-start // mmap.PAGESIZE) * mmap.PAGESIZE,
            (start + len(self.values)) // mmap.PAGESIZE * mmap.PAGESIZE,
        )
        if last > first and hasattr(mmap, "MADV_DONTNEED"):
            self._file.madvise(mmap.MADV_DONTNEED, first, last - first)


def read_constants(path: Path) -> tuple[dict[str, Constant], tuple[Value, ...]]:
    """The constants and the inputs of the graph in the file `path`, checked as `read_onnx` does; no more is read."""
    file = _map(path)
    graph = Message(memoryview(file), f"`{path}`").message(7, "graph")
    constants: dict[str, Constant] = {}
    if graph is None:
        return constants, ()
    for entry in graph.messages(5, "initializer"):
        tensor, values = _tensor(entry), entry.payload(9)
        if tensor.name in constants:
            raise entry.error(f"has the name `{tensor.name}`, which is taken")
        if values is not None:
            constants[tensor.name] = Constant(tensor, values, file)
    return constants, tuple(_value(entry) for entry in graph.messages(11, "input"))


def parse_onnx(data: bytes | memoryview, *, where: str = "the ONNX file") -> OnnxModel:
    """Parse the bytes of an ONNX file; nothing of `data` is kept. TinylmError for everything that is wrong with it."""
    return _model(Message(memoryview(data), where))


def _model(message: Message) -> OnnxModel:
    for number, what in ((25, "model-local functions"), (20, "training information")):
        if message.has(number):
            raise message.error(f"has {what}, which tinylm does not read")
    opsets: dict[str, int] = {}
    for entry in message.messages(8, "opset import"):
        # Any name: optimizers import what they might have used, and a node's own domain is what counts.
        domain = _plain_domain(entry, 1)
        version = entry.integer(2)
        if domain in opsets or version is None or version < 1:
            raise entry.error(f"imports the operator set `{domain or 'ai.onnx'}` twice or without a version")
        opsets[domain] = version
    ir_version, graph = message.integer(1), message.message(7, "graph")
    if ir_version is None or ir_version < 1 or graph is None or not opsets:
        raise message.error("is no ONNX model: IR version, operator set or graph is missing")
    return OnnxModel(ir_version=ir_version, opsets=opsets, graph=_graph(graph, opsets, depth=1))


def _graph(message: Message, opsets: dict[str, int], *, depth: int) -> Graph:
    if depth > _MAX_GRAPH_DEPTH:
        raise message.error(f"has graphs inside graphs, more than {_MAX_GRAPH_DEPTH} deep")
    if message.has(15):
        raise message.error("has sparse weights, which tinylm does not read")
    initializers: dict[str, Tensor] = {}
    for entry in message.messages(5, "initializer"):
        tensor = _tensor(entry)
        if not tensor.name or tensor.name in initializers:
            raise entry.error(f"has the name `{tensor.name}`, which is empty or taken")
        initializers[tensor.name] = tensor
    nodes = tuple(_node(entry, opsets, depth=depth) for entry in message.messages(1, "node"))
    made: set[str] = set()
    for node in nodes:
        for output in filter(None, node.outputs):
            if output in made or output in initializers:
                raise message.error(f"makes `{output}` twice")
            made.add(output)
    return Graph(
        name=message.text(2),
        nodes=nodes,
        inputs=tuple(_value(entry) for entry in message.messages(11, "input")),
        outputs=tuple(_value(entry) for entry in message.messages(12, "output")),
        initializers=initializers,
    )


def _node(message: Message, opsets: dict[str, int], *, depth: int) -> Node:
    op_type, domain = message.text(4), _domain(message, 7)
    if not op_type:
        raise message.error("has no operator type")
    if domain not in opsets:
        raise message.error(f"is of the domain `{domain or 'ai.onnx'}`, which the file does not import")
    attributes: dict[str, Attribute] = {}
    subgraphs: list[Graph] = []
    for entry in message.messages(5, "attribute"):
        name = entry.text(1)
        if not name or name in attributes:
            raise entry.error(f"has the name `{name}`, which is empty or taken")
        graphs = [*entry.messages(6, "graph"), *entry.messages(11, "graph")]
        subgraphs += [_graph(graph, opsets, depth=depth + 1) for graph in graphs]
        attributes[name] = _attribute(entry)
    return Node(
        op_type=op_type,
        domain=domain,
        name=message.text(3),
        inputs=tuple(message.texts(1)),
        outputs=tuple(message.texts(2)),
        attributes=attributes,
        subgraphs=tuple(subgraphs),
    )


def _attribute(message: Message) -> Attribute:
    for sparse in (22, 23):
        if message.has(sparse):
            raise message.error("has a sparse tensor, which tinylm does not read")
    for tensors in message.messages(10, "tensor"):
        _tensor(tensors)  # refuses external data there too
    tensor = message.message(5, "tensor")
    if tensor is not None:
        return _tensor(tensor)
    kind = message.integer(20)
    if kind == 1:
        return message.float32(2) or 0.0
    if kind == 2:
        return message.integer(3) or 0
    if kind == 3:
        return message.text(4)
    if kind == 6:
        return tuple(message.float32s(7))
    if kind == 7:
        return tuple(message.integers(8))
    return tuple(message.texts(9)) if kind == 8 else None


def _tensor(message: Message) -> Tensor:
    name = message.text(8)
    locations = [entry.text(2) for entry in message.messages(13, "external data") if entry.text(1) == "location"]
    if message.has(13) or (message.integer(14) or 0) != 0:
        outside = message.error(
            f"`{name}` lies outside the file, in `{', '.join(locations) or 'a file without a name'}`"
        )
        raise ExternalData(outside.message, outside.hint)
    number = message.integer(2) or 0
    if number not in _DATA_TYPES:
        raise message.error(f"`{name}` has the data type {number}, which is unknown")
    data_type, bits = _DATA_TYPES[number]
    dims = tuple(message.integers(1))
    if len(dims) > _MAX_DIMENSIONS or any(dim < 0 for dim in dims) or math.prod(dims) > MAX_FILE_BYTES * 8:
        raise message.error(f"`{name}` has the dimensions {list(dims[:_MAX_DIMENSIONS])}, which cannot be")
    # Values stand in raw_data, or in one of the typed fields: 4 and 10 have fixed sizes, 5, 7 and 11 are varints, of
    # which one byte holds at most one value, or several of less than a byte. So a file cannot claim values it lacks.
    raw = message.payload(9)
    typed = message.payload_bytes(4, 5, 7, 10, 11, 6)
    elements = math.prod(dims)
    if raw is not None and (typed or len(raw) != (elements * bits + 7) // 8 or not bits):
        raise message.error(f"`{name}` of {data_type} {list(dims)} has {len(raw)} bytes of values")
    if raw is None and ((elements > 0) != (typed > 0) or elements > typed * max(1, 8 // (bits or 8))):
        raise message.error(f"`{name}` of {data_type} {list(dims)} has {typed} bytes of values")
    if raw is not None and data_type == "float32" and elements <= _MAX_CHECKED_ELEMENTS:
        # One pass in C: no sum of so many float32 overflows a Python float, so what is not finite was so in the file.
        # Minus infinity alone is a mask; anything else would make every logit NaN.
        total = sum(raw.cast("f"))
        if total != total or total == math.inf:
            raise message.error(f"`{name}` of {data_type} {list(dims)} has values that are NaN or infinite")
    return Tensor(name=name, data_type=data_type, dims=dims, stored_bytes=typed if raw is None else len(raw))


def _value(message: Message) -> Value:
    name, kind = message.text(1), message.message(2, "type")
    tensor = None if kind is None else kind.message(1, "tensor type")
    if tensor is None:  # a sequence, a map, or nothing said
        return Value(name=name, data_type=None, shape=None)
    number, shape = tensor.integer(1) or 0, tensor.message(2, "shape")
    if number not in _DATA_TYPES:
        raise message.error(f"`{name}` has the data type {number}, which is unknown")
    dims: list[int | str | None] = []
    for dim in () if shape is None else shape.messages(1, "dimension"):
        size = dim.integer(1)
        if size is not None and size < 0:
            raise message.error(f"`{name}` has a dimension of {size}")
        dims.append(size if size is not None else dim.text(2) or None)
    return Value(name=name, data_type=_DATA_TYPES[number][0], shape=None if shape is None else tuple(dims))


def _plain_domain(message: Message, number: int) -> str:
    """The name of an operator domain; ONNX's own is the empty string."""
    domain = message.text(number)
    return "" if domain == "ai.onnx" else domain


def _domain(message: Message, number: int) -> str:
    domain = _plain_domain(message, number)
    if domain not in DOMAINS:
        raise message.error(f"is of the operator domain `{domain}`, which tinylm does not know")
    return domain
