"""One model, many engines: in any number of threads each gives the tokens that it gives alone; closing is safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import generate_ids
from tinylm.runtime.model import Model
from tinylm.runtime.sampling import Sampler, Sampling

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def model(backend: Backend, make_bundle: MakeBundle) -> Iterator[Model]:
    with Model(make_bundle(scheme="int8"), backend=backend) as opened:
        yield opened


def write(engine: Engine, seed: int, count: int = 120) -> list[int]:
    """Past the context, so that reading again is interleaved as well."""
    sampler = Sampler(Sampling(temperature=0.9, repetition_penalty=1.2, seed=seed))
    return list(generate_ids(engine, [0, 10 + seed, 20], sampler, max_new_tokens=count, stop_at_eos=False))


def test_threads_give_exactly_the_tokens_that_each_gives_alone(model: Model) -> None:
    seeds = range(6)
    expected = {}
    for seed in seeds:
        with Engine(model) as engine:
            expected[seed] = write(engine, seed)
    assert len({tuple(ids) for ids in expected.values()}) == len(seeds)
    found: dict[int, list[list[int]]] = {seed: [] for seed in seeds}
    start = threading.Barrier(len(seeds))

    def work(seed: int) -> None:
        with Engine(model) as engine:
            start.wait()
            found[seed] += [write(engine, seed) for _ in range(3)]

    run_all(threading.Thread(target=work, args=(seed,)) for seed in seeds)
    assert found == {seed: [expected[seed]] * 3 for seed in seeds}


def run_all(threads: Iterator[threading.Thread]) -> None:
    running = list(threads)
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def test_engines_taking_turns_in_one_thread_do_not_mix(model: Model) -> None:
    with Engine(model) as first, Engine(model) as second:
        alone = [write(first, 1, 30), write(second, 2, 30)]
        prompts = ([0, 11, 20], [0, 12, 20])
        streams = [
            generate_ids(engine, ids, Sampler(Sampling(temperature=0.9, repetition_penalty=1.2, seed=seed)), **options)
            for engine, ids, seed in ((first, prompts[0], 1), (second, prompts[1], 2))
            for options in [{"max_new_tokens": 30, "stop_at_eos": False}]
        ]
        pairs = list(zip(*streams, strict=True))
    assert [list(ids) for ids in zip(*pairs, strict=True)] == alone


def test_an_engine_closes_without_its_model(model: Model) -> None:
    with Engine(model) as kept:
        with Engine(model) as engine:
            expected = write(engine, 0, 20)
        with pytest.raises(TinylmError, match="the engine is closed"):
            engine.logits(5)
        assert write(kept, 0, 20) == expected


def test_a_closed_model_says_so(model: Model) -> None:
    engine = Engine(model)
    model.close()
    model.close()
    with pytest.raises(TinylmError, match="the model is closed"):
        engine.logits(5)
    with pytest.raises(TinylmError, match="the model is closed"):
        engine.prefill([5] * 3)
    assert engine.length == 0
    engine.close()
    with pytest.raises(TinylmError, match="the model is closed"):
        Engine(model)


@pytest.mark.parametrize("closes", ["model", "its own engine"])
def test_closing_while_another_thread_generates_is_an_error_there(
    make_bundle: MakeBundle, backend: Backend, closes: str
) -> None:
    bundle = make_bundle(scheme="int8")
    for _ in range(5):
        if closes == "model":
            model = Model(bundle, backend=backend)
            engines, close = [Engine(model) for _ in range(3)], model.close
        else:
            engines = [Engine(bundle, backend=backend)]  # type: ignore[arg-type]
            close = engines[0].close
        began = threading.Barrier(len(engines) + 1)
        errors: list[str] = []

        def work(engine: Engine, began: threading.Barrier = began, errors: list[str] = errors) -> None:
            sampler = Sampler(Sampling(seed=0))
            stream = generate_ids(engine, [0], sampler, max_new_tokens=10**9, stop_at_eos=False)
            next(stream)
            began.wait()
            try:
                for _ in stream:
                    pass
            except TinylmError as error:
                errors.append(error.message)

        threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
        for thread in threads:
            thread.start()
        began.wait()
        close()
        for thread in threads:
            thread.join()
        assert len(errors) == len(engines)
        assert {"the model is closed", "the engine is closed"} >= set(errors)
