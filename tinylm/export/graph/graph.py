"""The transformer as one small ONNX graph, written node by node; the twin of the torch module in `tinylm.model`.

One graph does prefill (many tokens) and decode (one token). The keys and values of past tokens live in buffers of fixed
size that go in as `past.*` and come out as `present.*`; a runtime that binds the same memory to both never copies them.

    inputs    input_ids int32 [1, T]        total_length int32 [1]: tokens in the buffers after this call, T included
              past.{i}.key, past.{i}.value  float32 or int8 [1, n_kv_head, context_length, head_dim], for every layer i
    outputs   logits float32 [1, vocab_size], of the last position
              present.{i}.key, present.{i}.value, same shapes as past

`transformer.py`, `blocks.py` and `attention.py` stand beside the files of these names in `tinylm.model`, function by
class; `sampler.py` adds the choice of the next token, with inputs and outputs of its own.

By hand, because at this size a node costs as much as its arithmetic: an exporter's graph of the same model is half as
fast. With ONNX Runtime's own operators (domain `com.microsoft`), because attention over a fixed cache, residual + norm,
and int8 products are one kernel each, on x86 and on ARM.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from tinylm.export.graph import sampler
from tinylm.export.graph.model_graph import CacheScales, ModelGraph, Scheme
from tinylm.export.graph.nodes import CONTRIB, value
from tinylm.export.graph.transformer import add_transformer
from tinylm.export.graph.weights import check_weights
from tinylm.settings.model import ModelConfig

OPSET = 21
IR_VERSION = 10


def build_graph(
    config: ModelConfig,
    weights: Mapping[str, NDArray[np.floating]],
    *,
    scheme: Scheme,
    embedding: Scheme | None = None,
    cache_scales: CacheScales | None = None,
) -> bytes:
    """The bytes of a `model.onnx` for `weights` (`tinylm.model.weight_shapes`); same input, same bytes.

    The embedding, and a tied head with it, has the precision `embedding`, or that of all other matrices when it is
    None. With `cache_scales` (`tinylm.export.cache.measure_cache_scales`) the cache is int8. TinylmError when
    `check_weights` refuses.
    """
    check_weights(config, weights)
    graph = ModelGraph(config, weights, scheme=scheme, embedding=embedding or scheme, cache_scales=cache_scales)
    add_transformer(graph)
    sampler.add_sampler(graph, config.vocab_size)
    int8_cache = cache_scales is not None
    model: ModelProto = helper.make_model(
        graph.to_proto(_inputs(config, int8_cache), _outputs(config, int8_cache)),
        producer_name="tinylm",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)],
    )
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def input_names(config: ModelConfig) -> tuple[str, ...]:
    """The graph's inputs, in order."""
    return tuple(info.name for info in _inputs(config, int8_cache=False))


def output_names(config: ModelConfig) -> tuple[str, ...]:
    """The graph's outputs, in order."""
    return tuple(info.name for info in _outputs(config, int8_cache=False))


def _inputs(config: ModelConfig, int8_cache: bool) -> list[ValueInfoProto]:
    ids, length = value("input_ids", TensorProto.INT32, [1, "T"]), value("total_length", TensorProto.INT32, [1])
    return [ids, length, *sampler.inputs(config.vocab_size), *_caches("past", config, int8_cache)]


def _outputs(config: ModelConfig, int8_cache: bool) -> list[ValueInfoProto]:
    logits = value("logits", TensorProto.FLOAT, [1, config.vocab_size])
    return [logits, *sampler.outputs(), *_caches("present", config, int8_cache)]


def _caches(side: str, config: ModelConfig, int8_cache: bool) -> list[ValueInfoProto]:
    shape = [1, config.n_kv_head, config.context_length, config.head_dim]
    names = [f"{side}.{i}.{part}" for i in range(config.n_layer) for part in ("key", "value")]
    return [value(name, TensorProto.INT8 if int8_cache else TensorProto.FLOAT, shape) for name in names]
