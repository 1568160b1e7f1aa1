"""A bundle's weights as the block of memory that the native engine reads (engine/image.h): made when a bundle opens.

No second file of weights lies in a bundle: laying 1.4 MB of int8 out takes 2 ms, and what is read of `model.onnx` is
given back matrix by matrix, so that a process holds the weights once.

    image = build_image(library, bundle.model, bundle.manifest.model)
    library.tinylm_model_open(memory, image.address, image.nbytes, None, 1)
"""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.buffer import Buffer
from tinylm.base.errors import TinylmError
from tinylm.native.library import INTERFACE
from tinylm.onnx.graph_file import Constant, Value, read_constants
from tinylm.settings.model import ModelConfig

_ARCHITECTURES = {"llama": 0, "classic": 1}
_BLOCK_ROWS = 1024
"""Of a table, laid out before what was read for them is given back; a multiple of 16."""
_INT8_WEIGHTS, _INT8_EMBEDDING, INT8_CACHE = 1, 2, 4
HEADER = struct.Struct("<4sIQ10ifI")
_HINT = "the native engine reads what tinylm exported: export the bundle again, or take `--backend onnxruntime`"


class UnsupportedModel(TinylmError):
    """A graph that the native engine cannot stand for; ONNX Runtime may run it."""


@dataclass(frozen=True)
class _Vector:
    """Float32 values that stay as they are."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Matrix:
    """`rows` outputs of `columns` inputs; a table is stored as [rows, columns], a product's weight the other way."""

    name: str
    rows: int
    columns: int
    table: bool = False

    @property
    def weight(self) -> str:
        return self.name if self.table else self.name + ".weight"


_Part = _Vector | _Matrix


def build_image(library: ctypes.CDLL, model: Path, config: ModelConfig) -> Buffer:
    """Lay the weights of the file `model` out; UnsupportedModel when they are not those of `config`.

    Another TinylmError when the file is damaged.
    """
    (constants, inputs), where = read_constants(model), f"`{model}`"
    _check_cache(config, inputs, where)
    parts = _parts(config, int8_cache="0.attention.key.scale" in constants)
    sizes = [_size(part, constants, where) for part in parts]
    image = Buffer((HEADER.size + sum(sizes),), "uint8")
    image.data[: HEADER.size] = _header(config, constants, parts, image.nbytes)
    at = HEADER.size
    for part, size in zip(parts, sizes, strict=True):
        if isinstance(part, _Vector):
            values = constants[part.name].values
            image.data[at : at + len(values)] = values
        else:
            _pack(library, image, at, part, constants, where)
        at += size
    return image


def _check_cache(config: ModelConfig, inputs: Sequence[Value], where: str) -> None:
    """The graph's cache says how many layers, heads and positions it has, also where no weight's shape shows it."""
    shape = (1, config.n_kv_head, config.context_length, config.head_dim)
    expected = {f"past.{layer}.{part}": shape for layer in range(config.n_layer) for part in ("key", "value")}
    found = {value.name: value.shape for value in inputs if value.name.startswith("past.")}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            said = [list(shape) if shape else "missing" for shape in (found.get(name), expected.get(name))]
            raise UnsupportedModel(f"{where}: the cache `{name}` is {said[0]}; by the manifest it is {said[1]}", _HINT)


def _parts(config: ModelConfig, *, int8_cache: bool) -> list[_Part]:
    """What an image holds, in order, by the names of the graph."""
    llama, d, keys = config.architecture == "llama", config.d_model, config.n_kv_head * config.head_dim
    parts: list[_Part] = []
    if llama:
        parts += [_Vector(name, (config.context_length, config.head_dim // 2)) for name in ("cos", "sin")]
    else:
        parts.append(_Matrix("positions", config.context_length, d, table=True))
    for i in range(config.n_layer):
        if int8_cache:
            parts += [_Vector(f"{i}.attention.{part}.scale", (keys,)) for part in ("key", "value")]
        attention = [_Matrix(f"{i}.attention.qkv", d + 2 * keys, d), _Matrix(f"{i}.attention.output", d, d)]
        up = _Matrix(f"{i}.mlp.gate_up", 2 * config.d_ff, d) if llama else _Matrix(f"{i}.mlp.up", config.d_ff, d)
        mlp = [up, _Matrix(f"{i}.mlp.down", d, config.d_ff)]
        for name, matrices in (("attention_norm", attention), ("mlp_norm", mlp)):
            norm = [_Vector(f"{i}.{name}.{part}", (d,)) for part in (["weight"] if llama else ["weight", "bias"])]
            parts += [*norm, *matrices] if llama else [*matrices, *norm]
    if llama:
        parts.append(_Vector("norm.weight", (d,)))
    parts.append(_Matrix("embedding", config.vocab_size, d, table=True))
    if not llama:
        parts.append(_Matrix("logits", config.vocab_size, d))
    return parts


def _size(part: _Part, constants: dict[str, Constant], where: str) -> int:
    """Bytes of a part with its padding, once it is known to be there in the right type and shape."""
    if isinstance(part, _Vector):
        _check(constants, part.name, "float32", part.shape, where)
        return _padded(4 * _padded(math.prod(part.shape), 16), 64)
    shape = (part.rows, part.columns) if part.table else (part.columns, part.rows)
    int8 = part.weight in constants and constants[part.weight].data_type == "int8"
    _check(constants, part.weight, "int8" if int8 else "float32", shape, where)
    rows, columns = _padded(part.rows, 16), _padded(part.columns, 16)
    if not int8:
        return 4 * rows * columns
    _check(constants, part.name + ".scale", "float32", (part.rows, 1) if part.table else (part.rows,), where)
    return 2 * _padded(4 * rows, 64) + rows * columns


def _check(constants: dict[str, Constant], name: str, data_type: str, shape: tuple[int, ...], where: str) -> None:
    found = constants.get(name)
    if found is None:
        raise UnsupportedModel(f"{where} has no weight `{name}`", _HINT)
    if (found.data_type, found.dims) != (data_type, shape):
        raise UnsupportedModel(
            f"{where}: `{name}` is {found.data_type} {list(found.dims)}; {data_type} {list(shape)} was expected", _HINT
        )


def _header(config: ModelConfig, constants: dict[str, Constant], parts: list[_Part], nbytes: int) -> bytes:
    def int8(name: str) -> bool:
        return constants[name].data_type == "int8"

    inner = {int8(part.weight) for part in parts if isinstance(part, _Matrix) and part.name != "embedding"}
    if len(inner) > 1:
        raise UnsupportedModel("the matrices of the graph are partly int8 and partly float32", _HINT)
    precision = _INT8_WEIGHTS * inner.pop() | _INT8_EMBEDDING * int8("embedding")
    precision |= INT8_CACHE * ("0.attention.key.scale" in constants)
    shape = (config.vocab_size, config.context_length, config.n_layer, config.n_head, config.n_kv_head)
    return HEADER.pack(
        b"TLMI",
        INTERFACE,
        nbytes,
        _ARCHITECTURES[config.architecture],
        precision,
        *shape,
        config.d_model,
        config.d_ff,
        min(config.sliding_window or 0, config.context_length),
        config.norm_eps,
        0,
    )


def _pack(
    library: ctypes.CDLL, image: Buffer, at: int, part: _Matrix, constants: dict[str, Constant], where: str
) -> None:
    """Lay a matrix out at `at`, and give back the pages that were read; of a table, after every thousand rows."""
    weight, int8 = constants[part.weight], constants[part.weight].data_type == "int8"
    sums = values = image.address + at
    if int8:
        scales = constants[part.name + ".scale"].values
        image.data[at : at + len(scales)] = scales
        sums += _padded(4 * _padded(part.rows, 16), 64)
        values = sums + _padded(4 * _padded(part.rows, 16), 64)
    element_bytes, columns = 1 if int8 else 4, _padded(part.columns, 16)
    steps, at_once = ((part.columns, 1), _BLOCK_ROWS) if part.table else ((1, part.rows), part.rows)
    for first in range(0, part.rows, at_once):
        packed = values + element_bytes * first * columns
        source = weight.address() + element_bytes * first * steps[0]
        size = (min(at_once, part.rows - first), part.columns, *steps)
        if not int8:
            if library.tinylm_pack_float(packed, source, *size):
                message = f"{where}: `{part.weight}` has values that are NaN or infinite"
                raise TinylmError(message, "export the bundle again")
        elif library.tinylm_pack_int8(packed, sums + 4 * first, source, *size):
            raise UnsupportedModel(f"{where}: `{part.weight}` has the value -128, which tinylm never writes", _HINT)
        weight.give_back()


def _padded(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
