"""One token at a time: every backend chooses what numpy chooses from the same logits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import generate_ids
from tinylm.runtime.logits import sample
from tinylm.runtime.numpy_sampling import choose
from tinylm.runtime.sampling import FORBIDDEN, Sampler, Sampling

MakeBundle = Callable[..., Bundle]

SAMPLINGS = [
    Sampling(temperature=0),
    Sampling(temperature=0, top_k=5, top_p=0.5, repetition_penalty=1.5),
    Sampling(temperature=0.8, seed=1),
    Sampling(temperature=0.8, top_p=0.9, seed=2),
    Sampling(temperature=0.8, top_k=10, seed=3),
    Sampling(temperature=1.3, top_k=1000, top_p=0.95, repetition_penalty=1.2, seed=4),
]


def tokens(engine: Engine, sampling: Sampling, count: int = 100) -> list[int]:
    ids = [0, 17, 30, 99]
    return list(generate_ids(engine, ids, Sampler(sampling), max_new_tokens=count, stop_at_eos=False))


def without_sampler(bundle: Bundle, folder: Path) -> Bundle:
    """The bundle as it was before graphs could choose: no such nodes, inputs, outputs, capability."""
    model = onnx.load(bundle.model)
    ours = {"seen", "sampling", "uniform", "next_token", "logprob"}
    for values in (model.graph.input, model.graph.output, model.graph.initializer):
        kept = [value for value in values if value.name not in ours and not value.name.startswith("sampler.")]
        del values[:]
        values.extend(kept)
    nodes = [node for node in model.graph.node if not {*node.output} & ours and "sampler." not in node.output[0]]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    (folder / MODEL).write_bytes(model.SerializeToString())
    graph = bundle.manifest.graph
    graph = dataclasses.replace(
        graph,
        inputs=tuple(name for name in graph.inputs if name not in ours),
        outputs=tuple(name for name in graph.outputs if name not in ours),
        capabilities=(),
    )
    return dataclasses.replace(bundle, path=folder, manifest=dataclasses.replace(bundle.manifest, graph=graph))


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_a_backend_chooses_what_numpy_chooses_from_its_logits(
    make_bundle: MakeBundle, sampling: Sampling, backend: Backend
) -> None:
    with Engine(make_bundle(scheme="int8"), backend=backend) as engine:
        sampler, uniforms = Sampler(sampling), Sampler(sampling)
        sampler.observe([0, 5])
        token = 0
        for length in range(engine.context_length):
            logits, seen = np.array(engine.logits(token)), bytes(sampler.seen)
            engine.truncate(length)
            found = engine.step(token, sampler)
            uniform = uniforms.uniform() if sampling.temperature else 0.0
            expected = choose(logits, sampling, seen=seen, uniform=uniform)
            assert found == (expected[0], pytest.approx(expected[1], abs=1e-5))
            assert engine.length == length + 1
            token = found[0]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_a_graph_without_sampler_writes_the_same(make_bundle: MakeBundle, tmp_path: Path, sampling: Sampling) -> None:
    bundle = make_bundle(scheme="int8")
    old = without_sampler(bundle, tmp_path)
    written = []
    for which in (bundle, old):
        with Engine(which, backend="onnxruntime") as engine:
            written.append(tokens(engine, sampling))
    assert written[0] == written[1]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
@pytest.mark.parametrize("graph_samples", [True, False])
def test_a_scored_step_chooses_what_a_step_chooses(
    make_bundle: MakeBundle, tmp_path: Path, backend: Backend, sampling: Sampling, graph_samples: bool
) -> None:
    """From the same state of the sampler, token by token; what is said of it is that of the model alone."""
    bundle = make_bundle(scheme="int8")
    if not graph_samples:
        bundle = without_sampler(bundle, tmp_path)
    seeds = range(5) if sampling.temperature else [0]
    with Engine(bundle, backend=backend) as plain, Engine(bundle, backend=backend) as scored:
        for one, other in ((Sampler(dataclasses.replace(sampling, seed=n)) for _ in range(2)) for n in seeds):
            plain.truncate(0)
            scored.truncate(0)
            token = 0
            for length in range(plain.context_length):
                logits = np.array(plain.logits(token), np.float64)
                plain.truncate(length)
                expected = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())
                chosen, _ = plain.step(token, one)
                found, logprob, likeliest = scored.step_scored(token, other, alternatives=length % 21)
                assert found == chosen
                assert scored.length == length + 1
                # The engine's exponentials are float32.
                assert [logprob, *(value for _, value in likeliest)] == pytest.approx(
                    [expected[i] for i in (found, *(i for i, _ in likeliest))], abs=1e-6
                )
                best = [i for i in np.argsort(-expected, kind="stable").tolist() if i not in FORBIDDEN]
                assert [i for i, _ in likeliest] == best[: length % 21]
                token = found


def test_a_scored_step_costs_what_scoring_says(make_bundle: MakeBundle) -> None:
    with Engine(make_bundle(scheme="int8"), backend="native") as engine:
        sampler, ids, nats = Sampler(Sampling(seed=1)), [0], []
        for _ in range(40):
            token, logprob, _ = engine.step_scored(ids[-1], sampler, alternatives=0)
            ids.append(token)
            nats.append(-logprob)
        engine.truncate(0)
        assert nats == engine.score(ids)


def test_scored_steps_are_refused_as_steps_are(make_bundle: MakeBundle, backend: Backend) -> None:
    with Engine(make_bundle(), backend=backend) as engine:
        sampler = Sampler(Sampling(temperature=0))
        for token, alternatives, message in (
            (128, 0, "128 is not in the vocabulary of 128"),
            (0, -1, "`alternatives` is -1; 0 to 128 is needed"),
            (0, 129, "`alternatives` is 129; 0 to 128 is needed"),
        ):
            with pytest.raises(TinylmError, match=message):
                engine.step_scored(token, sampler, alternatives=alternatives)
        assert engine.length == 0
        assert not any(sampler.seen)
        assert len(engine.step_scored(0, sampler, alternatives=128)[2]) == 128 - len(FORBIDDEN)


def test_any_token_may_follow_whatever_was_chosen(make_bundle: MakeBundle, backend: Backend) -> None:
    """The choice lies where the next run reads; another token, and runs that choose nothing, must not mix with it."""
    bundle, greedy = make_bundle(scheme="int8"), Sampling(temperature=0)
    given = [0, 5, 9, 9, 4, 7, 5]
    with Engine(bundle, backend=backend) as engine, Engine(bundle, backend=backend) as plain:
        sampler = Sampler(greedy)
        for number, token in enumerate(given):
            expected = int(choose(np.array(plain.logits(token)), greedy, seen=b"", uniform=0.0)[0])
            if number % 3 == 2:
                engine.logits(token)
            else:
                assert engine.step(token, sampler)[0] == expected


def test_samplers_that_take_turns_keep_their_own_history(make_bundle: MakeBundle, backend: Backend) -> None:
    sampling = Sampling(temperature=0, repetition_penalty=100)
    with Engine(make_bundle(), backend=backend) as engine:
        alone, first, second = Sampler(sampling), Sampler(sampling), Sampler(sampling)
        expected, found = [], []
        for _ in range(8):
            engine.truncate(0)
            expected.append(engine.step(0, alone)[0])
        for _ in range(8):
            for sampler in (first, second):
                engine.truncate(0)
                found.append(engine.step(0, sampler)[0])
        assert len(set(expected)) == 8  # What was chosen counts as seen.
        assert found[::2] == found[1::2] == expected
        first.observe(range(128))  # All are as unlikely again as at the beginning.
        engine.truncate(0)
        unseen = Sampler(Sampling(temperature=0))
        logits = np.array(engine.logits(0))
        assert engine.truncate(0) is None
        chosen = engine.step(0, first)[0]
        everything = bytes([1]) * 128
        assert chosen == choose(logits, sampling, seen=everything, uniform=0.0)[0]
        engine.truncate(0)
        assert engine.step(0, unseen)[0] == choose(logits, unseen.sampling, seen=b"", uniform=0.0)[0]


def test_a_penalty_counts_what_was_chosen_elsewhere(make_bundle: MakeBundle, backend: Backend) -> None:
    """An engine's copy of a sampler's history is renewed when the sampler was used without it."""
    sampling = Sampling(temperature=0, repetition_penalty=100)
    with Engine(make_bundle(), backend=backend) as engine:
        sampler = Sampler(sampling)
        first = engine.step(0, sampler)[0]
        engine.truncate(0)
        logits = np.array(engine.logits(0))
        second = sample(logits, sampler)[0]
        engine.truncate(0)
        third = engine.step(0, sampler)[0]
    assert len({first, second, third}) == 3


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
@pytest.mark.parametrize("value", [-math.inf, 3e38])  # what the reader lets through: a mask, and what overflows
def test_logits_that_are_no_numbers_are_refused(
    make_bundle: MakeBundle, tmp_path: Path, sampling: Sampling, value: float
) -> None:
    bundle = make_bundle()
    model = onnx.load(bundle.model)
    (norm,) = [tensor for tensor in model.graph.initializer if tensor.name == "norm.weight"]
    norm.raw_data = np.full(64, value, np.float32).tobytes()
    (tmp_path / MODEL).write_bytes(model.SerializeToString())
    with (
        Engine(dataclasses.replace(bundle, path=tmp_path)) as engine,
        pytest.raises(TinylmError, match="NaN or infinite") as caught,
    ):
        engine.step(0, Sampler(sampling))
    assert caught.value.exit_code == 1


def test_a_scored_step_over_logits_that_are_no_numbers_leaves_the_sequence(
    make_bundle: MakeBundle, tmp_path: Path, backend: Backend
) -> None:
    bundle = make_bundle()
    model = onnx.load(bundle.model)
    (norm,) = [tensor for tensor in model.graph.initializer if tensor.name == "norm.weight"]
    norm.raw_data = np.full(64, 3e38, np.float32).tobytes()
    (tmp_path / MODEL).write_bytes(model.SerializeToString())
    with Engine(dataclasses.replace(bundle, path=tmp_path), backend=backend) as engine:
        engine.prefill([0, 5])
        with pytest.raises(TinylmError, match="NaN or infinite"):
            engine.step_scored(9, Sampler(Sampling(temperature=0)), alternatives=2)
        assert engine.length == 2
        engine.prefill([5] * (engine.context_length - 2))  # nor does the backend count it


@pytest.mark.parametrize("offset", [1000, -1000, 100_000])
def test_a_graph_that_chooses_no_token_at_all_is_refused(make_bundle: MakeBundle, tmp_path: Path, offset: int) -> None:
    """Found by mutating graphs: a damaged constant in the sampler."""
    bundle = make_bundle()
    model = onnx.load(bundle.model)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["chosen" if name == "next_token" else name for name in names]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([[offset]], np.int32), "offset"))
    model.graph.node.append(onnx.helper.make_node("Add", ["chosen", "offset"], ["next_token"]))
    (tmp_path / MODEL).write_bytes(model.SerializeToString())
    with Engine(dataclasses.replace(bundle, path=tmp_path), backend="onnxruntime") as engine:
        sampler = Sampler(Sampling(temperature=0))
        with pytest.raises(TinylmError, match=r"chose the token id -?\d+, which is not in its vocabulary of 128"):
            engine.step(0, sampler)
        assert not any(sampler.seen)
