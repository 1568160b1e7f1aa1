"""What a request asks of a processor, read off a bundle's own graph: weights, nodes, positions, in numbers.

    work = request_work(bundle, prompt_tokens=16, new_tokens=20)    # Unmodelled, with the reason, where nobody counted
    work.latency.int8_rows                                          # int8 weights multiplied by one row of activations

`tinylm.budget.estimate.instructions` knows how many instructions each of them takes. What was never counted on an
emulated board (another operator, another way to choose a token, an int8 cache) is refused: a guess would look like an
estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import NamedTuple

from tinylm.bundle.manifest import SAMPLER, GenerationDefaults
from tinylm.bundle.reading import Bundle
from tinylm.onnx.graph_file import Graph, Node, read_onnx
from tinylm.runtime.backends.contract import CHUNK_TOKENS
from tinylm.settings.model import ModelConfig

_ROWS = 4
MOST_TOP_K = 100
"""Of more, sorting begins to count."""
_INT8, _FLOAT = "DynamicQuantizeMatMul", "MatMul"
_COUNTED_NODES = frozenset(
    {
        *(_INT8, _FLOAT, "Add", "Cast", "Gather", "Gelu", "GroupQueryAttention", "If", "Less", "Mul", "QuickGelu"),
        *("Shape", "SimplifiedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"),
        *("Slice", "Split", "Sub", "Transpose"),
    }
)


class Unmodelled(Exception):
    """Nobody has counted what this graph does; the message says what it is, as the end of a sentence."""


class Work(NamedTuple):
    """Quantities of work; instructions are a sum of them, each times its cost."""

    requests: float = 0.0
    """The text in and out, and what else a request does once."""
    reading_runs: float = 0.0
    """Of the graph, to read a prompt; the choice that nobody reads is made too."""
    choosing_runs: float = 0.0
    """Of the graph, to give a token, by top-k; Python's part of a token is in it."""
    greedy_runs: float = 0.0
    """The same, by the likeliest token."""
    nodes: float = 0.0
    """Of the graph, over all runs."""
    int8_rows: float = 0.0
    """int8 weights of products with a single row of activations."""
    int8_chunks: float = 0.0
    """int8 weights times rows, of products with several rows at once."""
    float_rows: float = 0.0
    float_chunks: float = 0.0
    int8_channels: float = 0.0
    """Numbers that go into an int8 product, are made int8, and come out, are scaled."""
    float_channels: float = 0.0
    heads: float = 0.0
    """Of attention, over all layers and runs."""
    head_positions: float = 0.0
    """Pairs of a position that asks and a cached one, over all heads and layers."""
    row_positions: float = 0.0
    """The same times the width of a head, of runs with a single row; with several at once it costs nothing more."""
    top_k_logits: float = 0.0
    """Entries of the vocabulary among which top-k chooses."""
    greedy_logits: float = 0.0
    """Entries of the vocabulary among which the likeliest is looked for."""

    def plus(self, other: Work, times: float = 1.0) -> Work:
        """The sum of both, `other` so many times."""
        return Work(*map(add, self, (times * value for value in other)))


@dataclass(frozen=True, kw_only=True)
class RequestWork:
    latency: Work
    ttft: Work
    """Of it, until the first token."""
    itl: Work
    """A token after the first, on average."""


class _Product(NamedTuple):
    int8: bool
    inputs: int
    outputs: int
    head: bool
    """It makes the logits, from the last position alone."""


def request_work(bundle: Bundle, *, prompt_tokens: int, new_tokens: int) -> RequestWork:
    """The work of a request of the bundle; `Unmodelled` for what was never counted, TinylmError for a damaged graph."""
    manifest = bundle.manifest
    if SAMPLER not in manifest.graph.capabilities:
        raise Unmodelled("its graph does not choose the token itself")
    if manifest.quantization.kv_cache != "fp32":
        raise Unmodelled(f"its cache is {manifest.quantization.kv_cache}")
    if manifest.model.sliding_window is not None:
        raise Unmodelled("its attention has a sliding window")
    greedy = _chooses_greedily(manifest.generation)
    graph = read_onnx(bundle.model).graph
    products, config = _products(graph), manifest.model

    def run(tokens: int, before: int) -> Work:
        """A run of the graph that reads so many tokens after so many cached ones, the choice left out."""
        heads = config.n_layer * config.n_head
        pairs = heads * tokens * (before + tokens)
        work = Work(
            nodes=len(graph.nodes),
            heads=heads,
            head_positions=pairs,
            row_positions=pairs * config.head_dim if tokens == 1 else 0,
        )
        for product in products:
            work = work.plus(_product_work(product, 1 if product.head else tokens))
        return work

    def reading(tokens: int, before: int) -> Work:
        return run(tokens, before).plus(Work(reading_runs=1, greedy_logits=config.vocab_size))

    def choosing(before: int) -> Work:
        return run(1, before).plus(_choice(config, greedy=greedy))

    read = prompt_tokens - 1
    ttft = Work(requests=1).plus(choosing(read))
    for start in range(0, read, CHUNK_TOKENS):
        ttft = ttft.plus(reading(min(CHUNK_TOKENS, read - start), start))
    # Work grows evenly with what is cached, so the middle one stands for all later tokens.
    itl = choosing(0).plus(choosing(2 * read + new_tokens)).plus(Work())
    itl = Work(*(value / 2 for value in itl))
    return RequestWork(latency=ttft.plus(itl, new_tokens - 1), ttft=ttft, itl=itl)


def _chooses_greedily(generation: GenerationDefaults) -> bool:
    """Whether the likeliest token is taken, and not one of the `top_k` likeliest."""
    if generation.repetition_penalty != 1:
        raise Unmodelled(f"its `repetition_penalty` is {generation.repetition_penalty:g}, not 1")
    if generation.temperature == 0:
        return True
    if not 0 < generation.top_k <= MOST_TOP_K:
        what = "off" if generation.top_k == 0 else f"{generation.top_k}"
        raise Unmodelled(f"its `top_k` is {what}: how much there is to sort depends on its probabilities")
    return False


def _choice(config: ModelConfig, *, greedy: bool) -> Work:
    if greedy:
        return Work(greedy_runs=1, greedy_logits=config.vocab_size)
    return Work(choosing_runs=1, top_k_logits=config.vocab_size)


def _product_work(product: _Product, rows: int) -> Work:
    channels = (product.inputs + product.outputs) * rows
    # Several rows are multiplied four at a time, the last ones filled up.
    weights = product.inputs * product.outputs * (rows if rows == 1 else -(-rows // _ROWS) * _ROWS)
    if product.int8:
        work = Work(int8_channels=channels)
        return work.plus(Work(int8_rows=weights) if rows == 1 else Work(int8_chunks=weights))
    work = Work(float_channels=channels)
    return work.plus(Work(float_rows=weights) if rows == 1 else Work(float_chunks=weights))


def _products(graph: Graph) -> list[_Product]:
    """The graph's products with constant matrices; `Unmodelled` for a node of another kind than was counted."""
    producers = {output: node for node in graph.nodes for output in node.outputs if output}
    head = producers.get("logits")
    if head is not None and head.op_type == "Mul":  # the scales of an int8 head
        head = producers.get(head.inputs[0])
    found = []
    for node in graph.nodes:
        if node.op_type not in _COUNTED_NODES:
            raise Unmodelled(f"its graph has a node `{node.op_type}`")
        if node.op_type in (_INT8, _FLOAT):
            found.append(_product(node, graph, producers, head=node is head))
    return found


def _product(node: Node, graph: Graph, producers: dict[str, Node], *, head: bool) -> _Product:
    name, transposed = node.inputs[1], False
    maker = producers.get(name)
    if maker is not None and maker.op_type == "Transpose":  # of the tied embedding; ONNX Runtime folds it at load
        name, transposed = maker.inputs[0], True
    weight = graph.initializers.get(name)
    data_type = "int8" if node.op_type == _INT8 else "float32"
    if weight is None or weight.data_type != data_type or len(weight.dims) != 2:
        raise Unmodelled(f"its product `{node.op_type}` multiplies no constant {data_type} matrix")
    inputs, outputs = reversed(weight.dims) if transposed else weight.dims
    return _Product(int8=node.op_type == _INT8, inputs=inputs, outputs=outputs, head=head)
