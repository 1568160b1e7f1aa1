"""Which layer a call belongs to: the embedding, one of the layers, the head, the sampler, or none that is known.

The nodes of a bundle's graph have no names, but what they make has: `3.mlp.down` is layer 3's. ONNX Runtime numbers the
nodes in the order of the file, keeps the number of those it leaves alone, and gives a new one to what it made itself;
so a number whose node has the same operator is that node, and anything else is `other`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tinylm.onnx.graph_file import OnnxModel
from tinylm.profile.trace import Call

EMBEDDING, HEAD, SAMPLER, OTHER = "embedding", "head", "sampler", "other"
_LAYER = re.compile(r"(?:present\.)?(\d+)\.")
_BEGINNINGS = (
    # The positions that every layer reads are made once, with the embedding.
    ("embedding.transposed", HEAD),
    ("embedding.scale.transposed", HEAD),
    ("embedded", EMBEDDING),
    ("positions", EMBEDDING),
    ("placed", EMBEDDING),
    ("last_position", EMBEDDING),
    ("norm", HEAD),
    ("last_hidden", HEAD),
    ("logits", HEAD),
    ("sampler", SAMPLER),
    ("next_token", SAMPLER),
)


def layer_finder(model: OnnxModel) -> Callable[[Call], str]:
    """A function that names the layer of a call in this graph."""
    nodes = [(node.op_type, _layer_of(node.outputs)) for node in model.graph.nodes]

    def layer(call: Call) -> str:
        if 0 <= call.node < len(nodes) and nodes[call.node][0] == call.node_op:
            return nodes[call.node][1]
        return OTHER

    return layer


def layer_names(n_layer: int) -> tuple[str, ...]:
    """All names, in the order in which a token passes them."""
    return (EMBEDDING, *(f"layer {i}" for i in range(n_layer)), HEAD, SAMPLER, OTHER)


def _layer_of(outputs: tuple[str, ...]) -> str:
    name = outputs[0] if outputs else ""
    if found := _LAYER.match(name):
        return f"layer {int(found[1])}"
    return next((layer for beginning, layer in _BEGINNINGS if name.startswith(beginning)), OTHER)
