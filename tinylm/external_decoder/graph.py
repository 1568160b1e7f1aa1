"""What a decoder that was exported elsewhere takes and gives, read off its graph: names, types, ranks.

Two forms are documented (docs/other-models.md), because exporters write them. Without a cache, `input_ids` go in and
`logits` come out, and the whole text is run again for every token. With one, keys and values of the tokens so far go in
as `past_key_values.N.key` and `.value` and come out longer as `present.N.key` and `.value`. Anything else is an error
that names it: a measurement with an input that is not filled, or wrongly, would mean nothing.

    graph = recognise(read_onnx(path), where="`model.onnx`")
    graph.vocab_size, len(graph.cache)

It reads the file's own declarations, so neither `onnx` nor ONNX Runtime is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinylm.base.errors import TinylmError
from tinylm.onnx.graph_file import OnnxModel, Value

DOCUMENTED = (
    "documented are `input_ids`, `attention_mask`, `position_ids`, `num_logits_to_keep`, `past_key_values.N.key` and"
    " `.value`, and the outputs `logits`, `present.N.key` and `.value`; docs/other-models.md has types and shapes"
)
_FREE = (
    "export it with a free dimension there, such as `dynamic_axes={'input_ids': {1: 'sequence'}}` of torch.onnx.export"
)
LARGEST_VOCABULARY = 1 << 20
"""Four times what any known tokenizer has; a larger number is a mistake."""

_PAST = re.compile(r"past_key_values\.(0|[1-9][0-9]{0,3})\.(key|value)")
_BY_TOKEN = ("input_ids", "attention_mask", "position_ids")
_KEEP = "num_logits_to_keep"
_INTEGERS = ("int64", "int32")
_FLOATS = ("float32", "float16")


@dataclass(frozen=True, kw_only=True)
class CachePart:
    """The keys or the values of a layer: [1, n_kv_head, tokens, head_dim]."""

    past: str
    """Name of the input with those of the tokens so far."""
    present: str
    """Name of the output with those of the new tokens behind them."""
    type: str
    """`float32` or `float16`."""
    n_kv_head: int
    head_dim: int


@dataclass(frozen=True, kw_only=True)
class DecoderGraph:
    inputs: dict[str, Value]
    """All inputs but the cache: `input_ids` and those of the others that the graph takes."""
    cache: tuple[CachePart, ...]
    """Empty for a graph without cache."""
    logits_type: str
    """`float32` or `float16`."""
    vocab_size: int


def recognise(model: OnnxModel, *, where: str) -> DecoderGraph:
    """The form of a decoder's graph; TinylmError names the first input or output that is not as documented."""
    graph = model.graph
    # Before IR version 4, weights stood among the inputs too.
    inputs = {value.name: value for value in graph.inputs if value.name not in graph.initializers}
    outputs = {value.name: value for value in graph.outputs}
    tokens: dict[str, Value] = {}
    cache: list[CachePart] = []
    for name, value in inputs.items():
        what = f"{where}: the input `{name}`"
        if name in _BY_TOKEN:
            _check(value, what, types=_INTEGERS, shape=(1, None))
            tokens[name] = value
        elif name == _KEEP:
            if value.data_type != "int64" or value.shape not in ((), (1,)):
                raise _other(value, what, "int64 [] or [1]")
            tokens[name] = value
        elif match := _PAST.fullmatch(name):
            cache.append(_cache_part(value, outputs, present=f"present.{match[1]}.{match[2]}", where=where))
        else:
            raise TinylmError(f"{what} is unknown", DOCUMENTED)
    if "input_ids" not in tokens:
        raise TinylmError(f"{where} lacks the input `input_ids`", DOCUMENTED)
    for layer in range((len(cache) + 1) // 2):
        for part in ("key", "value"):
            if f"past_key_values.{layer}.{part}" not in inputs:
                raise TinylmError(f"{where} lacks the input `past_key_values.{layer}.{part}`", DOCUMENTED)
    logits_type, vocab_size = _logits(outputs, where)
    return DecoderGraph(inputs=tokens, cache=tuple(cache), logits_type=logits_type, vocab_size=vocab_size)


def _cache_part(past: Value, outputs: dict[str, Value], *, present: str, where: str) -> CachePart:
    what = f"{where}: the input `{past.name}`"
    n_kv_head, head_dim = (None, None) if past.shape is None or len(past.shape) != 4 else (past.shape[1], past.shape[3])
    if not (isinstance(n_kv_head, int) and isinstance(head_dim, int) and n_kv_head > 0 and head_dim > 0):
        raise _other(past, what, "float32 or float16 [1, n_kv_head, past, head_dim], heads and their size stated")
    _check(past, what, types=_FLOATS, shape=(1, n_kv_head, None, head_dim))
    if present not in outputs:
        raise TinylmError(f"{where} lacks the output `{present}`, which continues `{past.name}`", DOCUMENTED)
    _check(
        outputs[present],
        f"{where}: the output `{present}`",
        types=(str(past.data_type),),
        shape=(1, n_kv_head, None, head_dim),
    )
    return CachePart(past=past.name, present=present, type=str(past.data_type), n_kv_head=n_kv_head, head_dim=head_dim)


def _logits(outputs: dict[str, Value], where: str) -> tuple[str, int]:
    """Element type, and the size of the vocabulary."""
    if "logits" not in outputs:
        raise TinylmError(f"{where} lacks the output `logits`", DOCUMENTED)
    value, what = outputs["logits"], f"{where}: the output `logits`"
    shape = value.shape or ()
    size = shape[-1] if shape else None
    batch = shape[0] if shape else None
    if (
        value.data_type not in _FLOATS
        or len(shape) not in (2, 3)
        or not isinstance(size, int)
        or not 1 <= size <= LARGEST_VOCABULARY
        or (isinstance(batch, int) and batch != 1)
    ):
        raise _other(value, what, "float32 or float16 [1, T, V], [1, 1, V] or [1, V], V being a number")
    return value.data_type, size


def _check(value: Value, what: str, *, types: tuple[str, ...], shape: tuple[int | None, ...]) -> None:
    """TinylmError unless type and shape are as documented; None must be free, a number must be that or free."""
    given = value.shape
    fits = given is not None and len(given) == len(shape)
    documented = f"{' or '.join(types)} {_shown(shape)}"
    if value.data_type not in types or not fits:
        raise _other(value, what, documented)
    for found, expected in zip(given or (), shape, strict=True):
        if isinstance(found, int) and found != expected:
            raise TinylmError(
                f"{what} is {value.data_type} {_shown(given or ())}; {documented} is documented",
                _FREE if expected is None else DOCUMENTED,
            )


def _other(value: Value, what: str, documented: str) -> TinylmError:
    shape = "of no stated shape" if value.shape is None else _shown(value.shape)
    return TinylmError(f"{what} is {value.data_type or 'no tensor'} {shape}; {documented} is documented", DOCUMENTED)


def _shown(shape: tuple[int | str | None, ...]) -> str:
    return "[" + ", ".join("free" if dimension is None else str(dimension) for dimension in shape) + "]"
