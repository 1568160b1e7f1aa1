"""Which graphs are taken, and what the others are told: the first input or output that is not as documented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from tinylm.base.errors import TinylmError
from tinylm.external_decoder.graph import recognise
from tinylm.onnx.graph_file import parse_onnx

MakeGraph = Callable[..., Any]


def graph_of(model: Any) -> Any:
    return recognise(parse_onnx(model.SerializeToString()), where="`model.onnx`")


def test_both_forms_are_recognised(make_decoder_graph: MakeGraph) -> None:
    plain = graph_of(make_decoder_graph(cached=False, ids="int32", extra=("attention_mask",)))
    assert {name: value.data_type for name, value in plain.inputs.items()} == {
        "input_ids": "int32",
        "attention_mask": "int32",
    }
    assert (plain.cache, plain.vocab_size, plain.logits_type) == ((), 64, "float32")
    cached = graph_of(make_decoder_graph(cached=True, cache="float16"))
    assert [(part.past, part.present) for part in cached.cache] == [
        (f"past_key_values.{layer}.{part}", f"present.{layer}.{part}") for layer in (0, 1) for part in ("key", "value")
    ]
    assert {(part.type, part.n_kv_head, part.head_dim) for part in cached.cache} == {("float16", 2, 8)}


def test_weights_among_the_inputs_are_no_inputs(make_decoder_graph: MakeGraph) -> None:
    """As files before IR version 4 have them."""
    model = make_decoder_graph(cached=False)
    weight = model.graph.initializer[-1]
    model.graph.input.append(helper.make_tensor_value_info(weight.name, weight.data_type, list(weight.dims)))
    assert set(graph_of(model).inputs) == {"input_ids"}


def test_other_outputs_do_not_matter(make_decoder_graph: MakeGraph) -> None:
    model = make_decoder_graph(cached=False)
    model.graph.output.append(helper.make_tensor_value_info("hidden", TensorProto.FLOAT, None))
    assert graph_of(model).cache == ()


def retype(model: Any, name: str, kind: int, shape: Any) -> None:
    """Declare an input or output anew."""
    for values in (model.graph.input, model.graph.output):
        for value in values:
            if value.name == name:
                value.CopyFrom(helper.make_tensor_value_info(name, kind, shape))


def rename(model: Any, old: str, new: str) -> None:
    for values in (model.graph.input, model.graph.output):
        for value in values:
            if value.name == old:
                value.name = new


def drop(model: Any, name: str) -> None:
    for values in (model.graph.input, model.graph.output):
        for value in list(values):
            if value.name == name:
                values.remove(value)


INT64, FLOAT, DOUBLE = TensorProto.INT64, TensorProto.FLOAT, TensorProto.DOUBLE
PAST, PRESENT = "past_key_values.1.value", "present.1.value"


BAD = [
    (lambda m: rename(m, "input_ids", "idx"), "the input `idx` is unknown"),
    (lambda m: rename(m, PAST, "past_key_values.01.value"), "the input `past_key_values.01.value` is unknown"),
    (lambda m: rename(m, PAST, "use_cache_branch"), "the input `use_cache_branch` is unknown"),
    (lambda m: drop(m, "input_ids"), "lacks the input `input_ids`"),
    (lambda m: drop(m, PAST), f"lacks the input `{PAST}`"),
    (lambda m: drop(m, "past_key_values.0.key"), "lacks the input `past_key_values.0.key`"),
    (lambda m: drop(m, "logits"), "lacks the output `logits`"),
    (lambda m: drop(m, PRESENT), f"lacks the output `{PRESENT}`, which continues `{PAST}`"),
    (
        lambda m: retype(m, "input_ids", FLOAT, ["b", "t"]),
        "the input `input_ids` is float32 [b, t]; int64 or int32",
    ),
    (lambda m: retype(m, "input_ids", INT64, ["t"]), "is int64 [t]; int64 or int32 [1, free] is documented"),
    (lambda m: retype(m, "input_ids", INT64, [2, "t"]), "is int64 [2, t]; int64 or int32 [1, free] is documented"),
    (lambda m: retype(m, "input_ids", INT64, ["b", 16]), "is int64 [b, 16]; int64 or int32 [1, free]"),
    (lambda m: retype(m, PAST, DOUBLE, ["b", 2, "p", 8]), f"the input `{PAST}` is float64 [b, 2, p, 8]"),
    (lambda m: retype(m, PAST, FLOAT, ["b", "h", "p", 8]), f"the input `{PAST}` is float32 [b, h, p, 8]"),
    (lambda m: retype(m, PAST, FLOAT, ["b", 2, 8]), f"the input `{PAST}` is float32 [b, 2, 8]"),
    (lambda m: retype(m, PAST, FLOAT, ["b", 2, 64, 8]), f"`{PAST}` is float32 [b, 2, 64, 8]; float32 or float16"),
    (lambda m: retype(m, PRESENT, FLOAT, ["b", 4, "p", 8]), f"the output `{PRESENT}` is float32 [b, 4, p, 8]"),
    (lambda m: retype(m, PRESENT, TensorProto.FLOAT16, ["b", 2, "p", 8]), f"the output `{PRESENT}` is float16"),
    (lambda m: retype(m, "logits", FLOAT, ["b", "t", "v"]), "the output `logits` is float32 [b, t, v]"),
    (lambda m: retype(m, "logits", FLOAT, [64]), "the output `logits` is float32 [64]"),
    (lambda m: retype(m, "logits", FLOAT, None), "the output `logits` is float32 of no stated shape"),
    (lambda m: retype(m, "logits", FLOAT, ["b", 1 << 21]), "the output `logits` is float32 [b, 2097152]"),
    (lambda m: retype(m, "num_logits_to_keep", INT64, ["n"]), "`num_logits_to_keep` is int64 [n]; int64 [] or [1]"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message for _, message in BAD])
def test_whatever_is_not_documented_is_named(
    change: Callable[[Any], None], message: str, make_decoder_graph: MakeGraph
) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(make_decoder_graph(cached=True, extra=("num_logits_to_keep",), last=True))
    change(model)
    with pytest.raises(TinylmError) as caught:
        graph_of(model)
    assert message in caught.value.message
    assert "`model.onnx`" in caught.value.message
    assert "documented" in caught.value.hint or "dynamic_axes" in caught.value.hint
