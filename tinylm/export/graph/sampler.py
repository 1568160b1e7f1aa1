"""The choice of the next token as a part of the graph: repetition penalty, temperature, top-k, top-p, and the draw.

The formula is that of `tinylm.runtime.sampling`, and `tinylm.runtime.numpy_sampling` is the same in numpy. One uniform
number decides, by inverse transform: the candidates stand in a fixed order, and the token is the one in whose share of
the summed probability the number falls.

    inputs    seen uint8 [1, vocab_size]: 1 for tokens that the penalty counts
              sampling float32 [4]: temperature (0 is greedy), top_k (0 is off), top_p (1 is off), repetition penalty
              uniform float32 [1]: 0 <= uniform < 1, not read when greedy. Below 0 it asks for the likeliest token by
              itself, and nothing else is read: the quickest way, also where the choice is not wanted
    outputs   next_token int32 [1, 1], which can be bound as the next `input_ids`
              logprob float32 [1]: of the token under the distribution it was drawn from, in nats; 0 when greedy

The logits must be finite: NaN or infinite ones give a log-probability of NaN, for the caller to refuse.

A careless choice among 8000 logits takes longer than a layer of a small model: sorting all of them, ArgMax and long
cumulated sums are what costs. Hence an `If` for each way to choose, so that nothing is paid for what is off, and rows
of 64 first, of which one is looked at closely.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, TensorProto, ValueInfoProto

from tinylm.export.graph.nodes import Graph, value
from tinylm.tokenizer.tokenizer import BOS, PAD, UNK

FORBIDDEN = (BOS, PAD, UNK)
"""Never chosen."""

TEMPERATURE, TOP_K, TOP_P, PENALTY = range(4)
"""Where each number stands in `sampling`."""

_FIRST_LOOK = 16
"""How many of the likeliest tokens are sorted to find a top-p set: enough for four of five tokens."""
_COMMON = 2e-4
"""Share of the mass above which all tokens are sorted next."""
_ROW = 64
_BELOW_ONE = 1 - 2.0**-24  # The largest float32 below 1; x * this is below x for every positive float32 x.


class _Branch(Graph):
    """A graph of many small nodes: names of values are made up, and arrays among the inputs become constants."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._count = 0

    def __call__(self, op: str, *inputs: str | NDArray[np.generic], output: str = "", **attributes: Any) -> str:
        return self.node(op, self._named(inputs), output or self._new_name(), **attributes)

    def pair(self, op: str, *inputs: str | NDArray[np.generic], **attributes: Any) -> tuple[str, str]:
        """A node with two outputs."""
        outputs = [self._new_name(), self._new_name()]
        self.node(op, self._named(inputs), outputs, **attributes)
        return outputs[0], outputs[1]

    def end(self, token: str, logprob: str) -> None:
        """Make the branch's results of an integer and a float32, both [1, 1]."""
        self("Cast", token, output=self.results[0], to=TensorProto.INT32)
        self("Squeeze", logprob, _ints(1), output=self.results[1])

    def choose(self, condition: str, *, then: _Branch, otherwise: _Branch, outputs: Sequence[str]) -> None:
        """`If`, where both branches end in a token and its log-probability."""
        self.node("If", [condition], list(outputs), then_branch=then.choice(), else_branch=otherwise.choice())

    def choice(self) -> GraphProto:
        token, logprob = self.results
        return self.to_proto([], [value(token, TensorProto.INT32, [1, 1]), value(logprob, TensorProto.FLOAT, [1])])

    @property
    def results(self) -> tuple[str, str]:
        return f"{self.name}.token", f"{self.name}.logprob"

    def _named(self, inputs: Sequence[str | NDArray[np.generic]]) -> list[str]:
        return [x if isinstance(x, str) else self.constant(self._new_name(), x) for x in inputs]

    def _new_name(self) -> str:
        self._count += 1
        return f"{self.name}.{self._count}"


def inputs(vocab_size: int) -> list[ValueInfoProto]:
    """What the sampler adds to the graph's inputs."""
    seen = value("seen", TensorProto.UINT8, [1, vocab_size])
    return [seen, value("sampling", TensorProto.FLOAT, [4]), value("uniform", TensorProto.FLOAT, [1])]


def outputs() -> list[ValueInfoProto]:
    """What the sampler adds to the graph's outputs."""
    return [value("next_token", TensorProto.INT32, [1, 1]), value("logprob", TensorProto.FLOAT, [1])]


def add_sampler(graph: Graph, vocab_size: int) -> None:
    """Add the choice of a token from the graph's `logits` [1, vocab_size]."""
    main, likeliest = _Branch("sampler"), _Branch("likeliest")
    _take_likeliest(likeliest, _without_forbidden(likeliest, "logits"), vocab_size)
    main.choose(
        main("Less", "uniform", _floats(0)),
        then=likeliest,
        otherwise=_by_settings(vocab_size),
        outputs=("next_token", "logprob"),
    )
    graph.extend(main)


def _by_settings(vocab_size: int) -> _Branch:
    """What `sampling` says. The way of the default settings, top-p alone, comes first."""
    branch, others, random, greedy = (_Branch(name) for name in ("settings", "others", "random", "greedy"))
    scores = _allowed(branch, vocab_size)
    random.choose(
        random("Greater", _setting(random, TOP_K), _floats(0)),
        then=_draw_top_k(scores),
        otherwise=_draw_from_all(scores, vocab_size),
        outputs=random.results,
    )
    _take_likeliest(greedy, scores, vocab_size)
    others.choose(
        others("Greater", _setting(others, TEMPERATURE), _floats(0)),
        then=random,
        otherwise=greedy,
        outputs=others.results,
    )
    # Both below 1: top_k is off and top_p is on.
    limits = branch("Gather", "sampling", _ints(TOP_K, TOP_P))
    branch.choose(
        branch("Less", branch("ReduceMax", limits, keepdims=1), _floats(1)),
        then=_draw_top_p(scores, vocab_size),
        otherwise=others,
        outputs=branch.results,
    )
    return branch


def _allowed(branch: _Branch, vocab_size: int) -> str:
    """The logits, penalised when asked to, with -inf for tokens that are never chosen: [1, V]."""
    plain, penalised = _Branch("plain"), _Branch("penalised")
    # https://arxiv.org/abs/1909.05858, with the sign in mind: a seen token becomes less likely either way.
    penalty = _setting(penalised, PENALTY)
    factors = penalised("Where", penalised("Greater", "logits", _floats(0)), penalised("Reciprocal", penalty), penalty)
    seen = penalised("Cast", "seen", to=TensorProto.BOOL)
    lowered = penalised("Where", seen, penalised("Mul", "logits", factors), "logits")
    then, otherwise = (
        way.to_proto([], [value(_without_forbidden(way, logits), TensorProto.FLOAT, [1, vocab_size])])
        for way, logits in ((plain, "logits"), (penalised, lowered))
    )
    off = branch("Equal", _setting(branch, PENALTY), _floats(1))
    return branch("If", off, then_branch=then, else_branch=otherwise)


def _take_likeliest(branch: _Branch, scores: str, vocab_size: int) -> None:
    """End `branch` with the largest of `scores`, of equals the lowest id. It is certain: its log-probability is 0."""
    rows = _rows(branch, scores, vocab_size, padding=-np.inf)  # (rows, 64)
    row = branch("ArgMax", branch("ReduceMax", rows, _ints(1), keepdims=0), axis=0)  # (1,)
    column = branch("ArgMax", branch("Gather", rows, row, axis=0), axis=1)  # (1, 1)
    token = branch("Add", branch("Mul", row, _ints(_ROW)), column)
    branch.end(token, _guard(branch))  # A maximum passes by what is not a number.


def _draw_from_all(scores: str, vocab_size: int) -> _Branch:
    """A draw from all tokens, which stand in the order of their ids: first a row of them, then one of the row."""
    branch = _Branch("all")
    rows = _rows(branch, _probabilities(branch, scores), vocab_size, padding=0)
    until = _cumulated(branch, branch("ReduceSum", rows, _ints(1), keepdims=0), axis=0)  # (rows,)
    total = branch("Gather", until, _ints(-1), axis=0)
    target = branch("Mul", total, "uniform")
    before, row = _passed(branch, until, target)
    row_mass = branch("Gather", rows, row, axis=0)  # (1, 64)
    until = _cumulated(branch, row_mass, axis=1)
    # A row's sum in another order may differ in the last digit; the target must lie inside the row even so.
    end = branch("Mul", branch("Gather", until, _ints(-1), axis=1), _floats(_BELOW_ONE))
    rest = branch("Min", branch("Sub", target, before), end)
    column = _count(branch, branch("LessOrEqual", until, rest))
    share = branch("Div", branch("GatherElements", row_mass, column, axis=1), total)
    branch.end(branch("Add", branch("Mul", row, _ints(_ROW)), column), branch("Log", share))
    return branch


def _draw_top_k(scores: str) -> _Branch:
    """A draw from the `top_k` likeliest, or from the smallest part of them with the share `top_p` of their mass."""
    branch = _Branch("top_k")
    best, ids = branch.pair("TopK", scores, branch("Cast", _setting(branch, TOP_K), to=TensorProto.INT64), axis=1)
    mass = branch("Softmax", branch("Div", best, _setting(branch, TEMPERATURE)), axis=1)
    until = _cumulated(branch, mass, axis=1)
    all_mass = branch("Gather", until, _ints(-1), axis=1)
    enough = branch("Mul", all_mass, _setting(branch, TOP_P))
    token, logprob = _draw_sorted(branch, ids, mass, until, all_mass, enough)
    branch.end(token, branch("Add", logprob, _guard(branch)))  # TopK passes by what is not a number.
    return branch


def _draw_top_p(scores: str, vocab_size: int) -> _Branch:
    """A draw from the smallest set of likeliest tokens with the share `top_p` of all mass.

    The few likeliest are sorted first. When the set is larger than that, those above a share of the mass are, and when
    it reaches further, all that can be in it: what lies below an even share of 1 - p is together less than 1 - p.
    """
    branch, common, rare = _Branch("top_p"), _Branch("common"), _Branch("rare")
    mass, top_p = _probabilities(branch, scores), _setting(branch, TOP_P)
    count = min(_FIRST_LOOK, vocab_size)
    _, ids = branch.pair("TopK", scores, _ints(count), axis=1)
    first = branch("GatherElements", mass, ids, axis=1)
    until = _cumulated(branch, first, axis=1)
    last = branch("Gather", until, _ints(-1), axis=1)
    # When nearly all are equally unlikely, no token has a common share; one at least has more than half of the mean.
    floor = common("Min", common("Mul", last, _floats(0.5 / count)), _floats(_COMMON))
    even_share = rare("Div", rare("Sub", _floats(1), top_p), _floats(vocab_size))
    _draw_if_enough(rare, *_sorted_above(rare, scores, mass, even_share), top_p, None)
    _draw_if_enough(common, *_sorted_above(common, scores, mass, floor), top_p, rare)
    _draw_if_enough(branch, ids, first, until, last, top_p, common)
    return branch


def _draw_if_enough(
    branch: _Branch, ids: str, mass: str, until: str, last: str, top_p: str, more: _Branch | None
) -> None:
    """End `branch` with a draw from the tokens `ids`, if they hold the share `top_p`; else with what `more` finds."""
    if more is None:
        branch.end(*_draw_sorted(branch, ids, mass, until, last, top_p))
        return
    enough = _Branch(f"{branch.name}.enough")
    enough.end(*_draw_sorted(enough, ids, mass, until, last, top_p))
    # What is not a number counts as enough: sorting it further would be undefined.
    branch.choose(branch("Less", last, top_p), then=more, otherwise=enough, outputs=branch.results)


def _sorted_above(branch: _Branch, scores: str, mass: str, floor: str) -> tuple[str, str, str, str]:
    """All tokens with more mass than `floor`, by falling logit, of equals the lower id first.

    Ids, masses and cumulated masses, [1, K] each, and the last of the cumulated masses, [1, 1].
    """
    places = branch("NonZero", branch("Greater", mass, floor))  # (2, K)
    ids = branch("Gather", places, _ints(1), axis=0)
    count = branch("Shape", ids, start=1)
    _, order = branch.pair("TopK", branch("GatherElements", scores, ids, axis=1), count, axis=1)
    ids = branch("GatherElements", ids, order, axis=1)
    found = branch("GatherElements", mass, ids, axis=1)
    until = _cumulated(branch, found, axis=1)
    return ids, found, until, branch("Gather", until, _ints(-1), axis=1)


def _draw_sorted(branch: _Branch, ids: str, mass: str, until: str, last: str, enough: str) -> tuple[str, str]:
    """A draw from the first tokens whose cumulated mass is `enough`: the token and its log-probability.

    All of them, with the cumulated mass `last`, are taken when rounding keeps it from being reached.
    """
    total = branch("Where", branch("GreaterOrEqual", until, enough), until, last)
    total = branch("ReduceMin", total, keepdims=1)
    # uniform < 1, so that the target is below the total, also in float32.
    index = _count(branch, branch("LessOrEqual", until, branch("Mul", total, "uniform")))
    share = branch("Div", branch("GatherElements", mass, index, axis=1), total)
    return branch("GatherElements", ids, index, axis=1), branch("Log", share)


def _without_forbidden(branch: _Branch, logits: str) -> str:
    """The logits [1, V] with -inf for tokens that are never chosen."""
    ids, never = np.array([FORBIDDEN], np.int64), np.full((1, len(FORBIDDEN)), -np.inf, np.float32)
    return branch("ScatterElements", logits, ids, never, axis=1)


def _setting(branch: _Branch, index: int) -> str:
    """One of the four numbers of `sampling`, [1]."""
    return branch("Gather", "sampling", _ints(index))


def _guard(branch: _Branch) -> str:
    """0, or NaN when a logit is NaN or infinite, [1, 1]."""
    return branch("Mul", branch("ReduceSum", "logits", keepdims=1), _floats(0))


def _rows(branch: _Branch, x: str, vocab_size: int, *, padding: float) -> str:
    """[1, V] as rows of 64, the last one filled up with `padding`: what is done row by row first is done sooner."""
    if vocab_size % _ROW:
        x = branch("Pad", x, _ints(0, 0, 0, -vocab_size % _ROW), _floats(padding)[0])
    return branch("Reshape", x, _ints(-1, _ROW))


def _probabilities(branch: _Branch, scores: str) -> str:
    """`softmax(scores / temperature)`, [1, V]; a product costs a small core less than a division."""
    inverse = branch("Reciprocal", _setting(branch, TEMPERATURE))
    return branch("Softmax", branch("Mul", scores, inverse), axis=1)


def _cumulated(branch: _Branch, mass: str, *, axis: int) -> str:
    """Cumulated sums, added in float64 and rounded once, so that a long sum does not drift."""
    summed = branch("CumSum", branch("Cast", mass, to=TensorProto.DOUBLE), np.array(axis, np.int64))
    return branch("Cast", summed, to=TensorProto.FLOAT)


def _passed(branch: _Branch, until: str, target: str) -> tuple[str, str]:
    """The largest of the cumulated sums that `target` has passed, or 0, and how many they are, both [1]."""
    passed = branch("LessOrEqual", until, target)
    return branch("ReduceMax", branch("Where", passed, until, _floats(0)), keepdims=1), _count(branch, passed)


def _count(branch: _Branch, truths: str) -> str:
    """How many are true, int64, with as many dimensions."""
    return branch("ReduceSum", branch("Cast", truths, to=TensorProto.INT64), keepdims=1)


def _ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _floats(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)
