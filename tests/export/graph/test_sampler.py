"""The sampler of the graph against the one in numpy, which has its own reference in tests/runtime/test_sampling.py."""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tinylm.export.graph.nodes import CONTRIB, Graph, value
from tinylm.export.graph.sampler import add_sampler, inputs, outputs
from tinylm.runtime.numpy_sampling import BORDER, choose, may_choose
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK

Logits = NDArray[np.float32]


class GraphSampler:
    """The sampler alone, with the logits as an input."""

    def __init__(self, vocab_size: int) -> None:
        graph = Graph("sampler")
        add_sampler(graph, vocab_size)
        logits = value("logits", TensorProto.FLOAT, [1, vocab_size])
        model = helper.make_model(
            graph.to_proto([logits, *inputs(vocab_size)], outputs()),
            ir_version=10,
            opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)],
        )
        onnx.checker.check_model(model, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, logits: Logits, sampling: Sampling, seen: bytes, uniform: float) -> tuple[int, float]:
        greedy = sampling.temperature == 0
        token, logprob = self._session.run(
            ["next_token", "logprob"],
            {
                "logits": logits[None],
                "seen": np.frombuffer(seen, np.uint8)[None],
                "sampling": np.array(
                    [
                        sampling.temperature,
                        0 if greedy else min(sampling.top_k, logits.size),
                        1 if greedy else sampling.top_p,
                        sampling.repetition_penalty,
                    ],
                    np.float32,
                ),
                "uniform": np.array([uniform], np.float32),
            },
        )
        assert (token.dtype, token.shape, logprob.dtype, logprob.shape) == (np.int32, (1, 1), np.float32, (1,))
        return int(token[0, 0]), float(logprob[0])


graph_sampler = cache(GraphSampler)


def both(logits: Logits, sampling: Sampling, seen: bytes, uniform: float) -> None:
    """The graph and numpy choose the same, unless the uniform number is very near to a border between two tokens."""
    found = graph_sampler(logits.size)(logits, sampling, seen, uniform)
    expected = choose(logits, sampling, seen=seen, uniform=uniform)
    if found[0] == expected[0]:
        # The logarithm, in float32, of a share that is off by a few digits; where a cumulated mass is very near to
        # top_p, the share of a set with one token more or less.
        nearby = [sampling, *(dataclasses.replace(sampling, top_p=p) for p in around(sampling.top_p) if p < 1)]
        logprobs = [choose(logits, changed, seen=seen, uniform=uniform)[1] for changed in nearby]
        # A uniform number of 0 draws the first token whose mass is not 0: as small as floats get, with few digits left.
        tolerance = 3e-6 if expected[1] > -80 else 20.0
        assert any(found[1] == pytest.approx(logprob, abs=tolerance, rel=3e-7) for logprob in logprobs), (
            found,
            logprobs,
        )
    else:
        assert may_choose(found[0], logits, sampling, seen=seen, uniform=uniform), (found, expected)
        assert is_near(found[0], logits, sampling, seen, uniform), (found, expected)
        assert is_near(expected[0], logits, sampling, seen, uniform), (found, expected)
    assert found[0] not in (BOS, PAD, UNK)


def is_near(token: int, logits: Logits, sampling: Sampling, seen: bytes, uniform: float) -> bool:
    """Whether the token's interval of cumulated mass, in float64, comes within BORDER of the uniform number."""
    penalty, inverse = np.float32(sampling.repetition_penalty), 1 / np.float32(sampling.repetition_penalty)
    scores = logits * np.where(np.frombuffer(seen, np.uint8) > 0, np.where(logits > 0, inverse, penalty), 1)
    scores = scores.astype(np.float32)
    scores[[BOS, PAD, UNK]] = -np.inf
    order = np.argsort(-scores, kind="stable")[: sampling.top_k or None]
    if not sampling.top_k and sampling.top_p == 1:
        order = np.arange(logits.size)
    scaled = (scores[order] * (1 / np.float32(sampling.temperature))).astype(np.float64)
    mass = np.exp(scaled - scaled.max())
    until = (mass / mass.sum()).cumsum()
    index = int(np.flatnonzero(order == token)[0])
    start, end = until[index - 1] if index else 0.0, until[index]
    for top_p in around(sampling.top_p):
        total = until[min(int((until < top_p).sum()), until.size - 1)]
        if start <= total * (uniform + BORDER) and end >= total * (uniform - BORDER) and start < total:
            return True
    return False


def around(top_p: float) -> list[float]:
    return [top_p] if top_p == 1 else [max(top_p - BORDER, 1e-9), top_p, top_p + BORDER]


@st.composite
def logits_of_a_model(draw: st.DrawFn) -> Logits:
    """Random, flat, peaked and tied logits; vocabularies that are and are not multiples of the sampler's rows."""
    size = draw(st.sampled_from([5, 63, 64, 65, 300, 1000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.standard_normal(size) * draw(st.sampled_from([0.0, 1e-3, 0.3, 1.0, 5.0, 30.0]))
    values += draw(st.sampled_from([0.0, -50.0, 50.0]))
    kind = draw(st.sampled_from(["smooth", "tied", "peaked"]))
    if kind == "tied":
        values = np.round(values * draw(st.sampled_from([0.5, 2.0])))
    if kind == "peaked":
        values[rng.integers(size)] += draw(st.sampled_from([5.0, 40.0]))
    return values.astype(np.float32)


SAMPLINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.001, 0.3, 0.8, 1.0, 3.0, 100.0]),
    top_k=st.sampled_from([0, 0, 1, 2, 40, 64, 10_000]),
    top_p=st.one_of(st.just(1.0), st.sampled_from([1e-6, 0.5, 0.9, 0.999999]), st.floats(0.01, 0.999)),
    repetition_penalty=st.sampled_from([1.0, 1.0, 0.7, 1.3, 100.0]),
)
UNIFORMS = st.one_of(st.floats(0, 1 - 2.0**-24, width=32), st.sampled_from([0.0, 1 - 2.0**-24, 2.0**-30]))


@settings(max_examples=400)
@given(logits=logits_of_a_model(), sampling=SAMPLINGS, uniform=UNIFORMS, share_seen=st.sampled_from([0.0, 0.1, 1.0]))
@example(np.zeros(1000, np.float32), Sampling(temperature=1.0, top_p=0.999999), 1 - 2.0**-24, 0.0)
def test_the_graph_chooses_what_numpy_chooses(
    logits: Logits, sampling: Sampling, uniform: float, share_seen: float
) -> None:
    seen = (np.random.default_rng(logits.size).random(logits.size) < share_seen).astype(np.uint8).tobytes()
    both(logits, sampling, seen, uniform)


@pytest.mark.parametrize("spread", [0.0, 0.7, 1.3, 4.0])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0),
        Sampling(temperature=0.8),
        Sampling(temperature=0.8, top_p=0.9),
        Sampling(temperature=0.8, top_k=40),
        Sampling(temperature=0.8, top_k=40, top_p=0.9, repetition_penalty=1.2),
    ],
    ids=["greedy", "temperature", "top-p", "top-k", "all"],
)
def test_at_the_size_of_a_real_vocabulary(spread: float, sampling: Sampling) -> None:
    """From nearly flat, where thousands of tokens share the mass, to a head like a trained model's."""
    rng = np.random.default_rng(int(10 * spread))
    seen = bytearray(8000)
    for uniform in rng.random(100):
        logits = (-spread * np.log(np.arange(1, 8001)) + rng.standard_normal(8000)).astype(np.float32)
        rng.shuffle(logits)
        both(logits, sampling, bytes(seen), float(np.float32(uniform)))
        seen[int(logits.argmax())] = 1


@pytest.mark.parametrize("size", [16, 8000, 65536])
@pytest.mark.parametrize("top_p", [1e-6, 0.5, 0.9, 0.99999])
def test_a_set_of_equally_likely_tokens_is_as_large_as_it_must_be(size: int, top_p: float) -> None:
    """No token has a share worth looking at by itself; the smallest set is the first ids."""
    logits = np.full(size, -3.0, np.float32)
    for uniform in (0.0, 0.4, 1 - 2.0**-24):
        token, logprob = graph_sampler(size)(logits, Sampling(top_p=top_p), bytes(size), uniform)
        allowed = [id_ for id_ in range(size) if id_ not in (BOS, PAD, UNK)]
        count = max(math.ceil(top_p * len(allowed)), 1)
        # One in a hundred thousand: float32 rounds top_p and the masses.
        assert abs(allowed.index(token) - min(int(uniform * count), count - 1)) <= 1 + 1e-5 * count
        assert logprob == pytest.approx(-math.log(count), abs=1.1 / count + 1e-5)


@pytest.mark.parametrize("size", [5, 64, 300])
def test_a_negative_uniform_number_takes_the_likeliest_and_reads_nothing_else(size: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(50):
        logits = np.round(rng.standard_normal(size) * 3).astype(np.float32)  # with ties
        sampling = Sampling(temperature=0.8, top_p=0.9, repetition_penalty=5.0)
        found = graph_sampler(size)(logits, sampling, bytes([1] * size), -1.0)
        assert found == choose(logits, Sampling(temperature=0), seen=bytes(size), uniform=0.0) == (found[0], 0.0)


def test_of_equal_logits_the_lower_id_comes_first() -> None:
    logits = np.zeros(300, np.float32)
    logits[[7, 200, 201]] = 1.0
    sampler, nothing = graph_sampler(300), bytes(300)
    assert sampler(logits, Sampling(temperature=0), nothing, 0.0)[0] == 7
    for uniform, token in ((0.0, 7), (0.49, 7), (0.51, 200), (0.99, 200)):
        assert sampler(logits, Sampling(temperature=1, top_k=2), nothing, uniform)[0] == token
    for uniform, token in ((0.0, 7), (0.5, 200), (0.99, 201)):
        assert sampler(logits, Sampling(temperature=0.01, top_p=0.99), nothing, uniform)[0] == token


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", [EOS, 150, 299])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0),
        Sampling(temperature=1),
        Sampling(top_p=0.5),
        Sampling(top_k=2),
        Sampling(top_k=2, top_p=0.5, repetition_penalty=2.0),
    ],
)
def test_logits_that_are_no_numbers_show_in_the_log_probability(bad: float, where: int, sampling: Sampling) -> None:
    logits = np.random.default_rng(0).standard_normal(300).astype(np.float32)
    logits[where] = bad
    for uniform in (0.3, -1.0):
        assert math.isnan(graph_sampler(300)(logits, sampling, bytes(300), uniform)[1])


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(top_p=0.5), Sampling(top_k=9), Sampling(temperature=0)])
def test_what_may_be_chosen_is_what_is_very_near(sampling: Sampling) -> None:
    logits, nothing = np.random.default_rng(5).standard_normal(65).astype(np.float32), bytes(65)
    for uniform in (np.arange(40) + 0.5) / 40:
        allowed = [id_ for id_ in range(65) if may_choose(id_, logits, sampling, seen=nothing, uniform=uniform)]
        assert allowed == [choose(logits, sampling, seen=nothing, uniform=uniform)[0]]
    # Of a row of tokens that weigh nothing, each lies at the same border.
    logits[20:30] = -17.0
    reached = float(np.exp(logits.astype(np.float64))[[i for i in range(20) if i not in (BOS, PAD, UNK)]].sum())
    total = float(np.exp(logits.astype(np.float64))[[i for i in range(65) if i not in (BOS, PAD, UNK)]].sum())
    allowed = [id_ for id_ in range(65) if may_choose(id_, logits, Sampling(), seen=nothing, uniform=reached / total)]
    assert allowed == list(range(19, 31))


def test_every_choice_has_its_probability() -> None:
    """A thousand evenly spaced uniform numbers draw every token as often as its probability says."""
    logits = np.random.default_rng(5).standard_normal(65).astype(np.float32)
    uniforms = (np.arange(4000) + 0.5) / 4000
    for sampling in (Sampling(temperature=0.7), Sampling(temperature=0.7, top_k=9), Sampling(top_p=0.6)):
        drawn = [graph_sampler(65)(logits, sampling, bytes(65), uniform) for uniform in uniforms]
        counts = np.bincount([token for token, _ in drawn], minlength=65)
        for token, logprob in set(drawn):
            assert abs(counts[token] - 4000 * math.exp(logprob)) <= 1.01
