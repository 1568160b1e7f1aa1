"""Answers that are kept: only determined ones, a bounded number of bounded size."""

from __future__ import annotations

from typing import Any

import pytest

from tinylm.runtime.completion import CompletionRequest, TokenLogprob
from tinylm.runtime.sampling import Sampling
from tinylm.serve.remembered import Answer, Key, RememberedAnswers
from tinylm.serve.scheduler import Usage


def key(
    seed: int | None,
    *,
    temperature: float = 1.0,
    bundle: str = "a",
    prompt_ids: tuple[int, ...] = (0, 5),
    stop: tuple[str, ...] = (),
) -> Key:
    sampling = Sampling(temperature=temperature, seed=seed)
    return bundle, CompletionRequest(prompt_ids=prompt_ids, sampling=sampling, max_tokens=3, stop=stop)


def answer(text: str, *, logprobs: int = 0) -> Answer:
    one = TokenLogprob(token=1, logprob=-1.0, alternatives=((2, -2.0),))
    return Answer(text, (one,) * logprobs, "length", Usage(2, 0, 3))


def test_only_determined_answers_are_kept() -> None:
    kept = RememberedAnswers(10)
    for seed, temperature, found in ((None, 1.0, False), (None, 0.0, True), (1, 1.0, True)):
        kept.put(key(seed, temperature=temperature), answer("x"))
        assert (kept.get(key(seed, temperature=temperature)) is not None) is found
    assert kept.get(key(1, bundle="b")) is None


def test_the_least_recently_used_go() -> None:
    kept = RememberedAnswers(2)
    for seed in (1, 2):
        kept.put(key(seed), answer(str(seed)))
    assert kept.get(key(1))
    kept.put(key(3), answer("3"))
    assert kept.get(key(2)) is None
    assert kept.get(key(1)) == answer("1")


def test_nothing_is_kept_where_nothing_may_be() -> None:
    kept = RememberedAnswers(0)
    kept.put(key(1), answer("x"))
    assert kept.get(key(1)) is None


def test_long_answers_are_bounded_in_all() -> None:
    kept = RememberedAnswers(1000)
    kept.put(key(0), answer("x" * 200_000))
    assert kept.get(key(0)) is None
    for seed in range(1, 20):
        kept.put(key(seed), answer("x" * 20_000, logprobs=100))
    assert 5 <= sum(kept.get(key(seed)) is not None for seed in range(1, 20)) <= 10


@pytest.mark.parametrize("asked", [{"prompt_ids": tuple(range(2500))}, {"stop": ("x" * 1000,) * 16}])
def test_what_was_asked_counts_too(asked: dict[str, Any]) -> None:
    kept = RememberedAnswers(1000)
    for seed in range(100):
        kept.put(key(seed, **asked), answer("x"))
    assert 5 <= sum(kept.get(key(seed, **asked)) is not None for seed in range(100)) <= 20
