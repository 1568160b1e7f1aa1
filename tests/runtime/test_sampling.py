"""The choice from logits against a slow, plain one in float64."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.runtime.logits import sample
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK


def reference(logits: Sequence[float], seen: set[int], sampling: Sampling) -> list[tuple[int, float]]:
    """The candidates as (token, probability): by falling logit with top-k or top-p, else by id."""
    values = dict(enumerate(logits))
    for token in seen & values.keys():
        penalty = sampling.repetition_penalty
        values[token] = values[token] / penalty if values[token] > 0 else values[token] * penalty
    for token in (BOS, PAD, UNK):
        del values[token]
    by_size = sorted(values, key=lambda token: (-values[token], token))
    temperature = sampling.temperature or 1.0
    best = values[by_size[0]]
    kept = by_size[: sampling.top_k] if sampling.top_k else by_size
    mass = {token: math.exp((values[token] - best) / temperature) for token in kept}
    if sampling.top_p < 1:
        total, summed, count = sum(mass.values()), 0.0, 0
        while summed < sampling.top_p * total:
            summed += mass[kept[count]]
            count += 1
        kept = kept[:count]
    if not sampling.top_k and sampling.top_p == 1:
        kept = sorted(kept)
    total = sum(mass[token] for token in kept)
    return [(token, mass[token] / total) for token in kept]


# Multiples of 1/8, and penalties and temperatures that are powers of 2: equal logits stay equal in float32 and float64.
LOGITS = st.lists(st.one_of(st.integers(-80, 80).map(lambda n: n / 8), st.just(-math.inf)), min_size=6, max_size=200)


@settings(max_examples=400, deadline=None)
@given(
    logits=LOGITS,
    seen=st.sets(st.integers(0, 220)),
    temperature=st.sampled_from([0.25, 1.0, 2.0]),
    top_k=st.sampled_from([0, 1, 3, 40, 1000]),
    top_p=st.one_of(st.just(1.0), st.floats(0.01, 0.999)),
    penalty=st.sampled_from([0.5, 1.0, 2.0]),
    seed=st.integers(0, 1000),
)
def test_draws_what_the_reference_draws(
    logits: list[float], seen: set[int], temperature: float, top_k: int, top_p: float, penalty: float, seed: int
) -> None:
    logits[EOS] = 1.0  # one token at least can be chosen
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, repetition_penalty=penalty, seed=seed)
    given_logits = np.array(logits, np.float32)
    before = given_logits.copy()
    sampler = Sampler(sampling)
    sampler.observe(seen)
    token, logprob = sample(given_logits, sampler)
    assert np.array_equal(given_logits, before)

    candidates = reference(logits, seen, sampling)
    for nudge in (-1e-5, 1e-5):
        # Float32 may cut on the other side when a cumulated sum is this near to top_p.
        nearby = dataclasses.replace(sampling, top_p=min(top_p + nudge, 1.0) if top_p < 1 else 1.0)
        assume(len(reference(logits, seen, nearby)) == len(candidates))
    uniform, summed = random.Random(seed).random(), 0.0
    for candidate, probability in candidates:
        summed += probability
        assume(abs(summed - uniform) > 1e-5)
        if summed > uniform:
            assert token == candidate
            # float32 exponentials: relative error of about 1e-6 at 20 units below the maximum
            assert logprob == pytest.approx(math.log(probability), abs=1e-5)
            return
    raise AssertionError("the reference's probabilities do not reach 1")


@settings(deadline=None)
@given(logits=LOGITS, seen=st.sets(st.integers(0, 220)), penalty=st.sampled_from([0.5, 1.0, 2.0]))
def test_greedy_takes_the_likeliest_and_of_equals_the_lowest(
    logits: list[float], seen: set[int], penalty: float
) -> None:
    logits[EOS] = 1.0
    sampling = Sampling(temperature=0, repetition_penalty=penalty)
    sampler = Sampler(sampling)
    sampler.observe(seen)
    token, logprob = sample(np.array(logits, np.float32), sampler)
    expected, _ = max(reference(logits, seen, sampling), key=lambda entry: (entry[1], -entry[0]))
    assert token == expected
    assert logprob == 0  # it is certain


def vocabulary_sized(spread: float, seed: int = 0) -> NDArray[np.float32]:
    """8000 logits: nearly flat for a small `spread`, with a heavy head like a trained model's for a large one."""
    rng = np.random.default_rng(seed)
    logits = (-spread * np.log(np.arange(1, 8001)) + rng.standard_normal(8000)).astype(np.float32)
    rng.shuffle(logits)
    return logits


@pytest.mark.parametrize("spread", [0.0, 1.0, 1.6, 4.0])
@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.9, 0.95, 0.999])
def test_top_p_of_a_whole_vocabulary_is_the_smallest_set(spread: float, top_p: float) -> None:
    logits = vocabulary_sized(spread)
    sampler = Sampler(Sampling(top_p=top_p, seed=0))
    candidates = dict(reference(logits.tolist(), set(), Sampling(top_p=top_p)))
    drawn = [sample(logits, sampler) for _ in range(300)]
    for token, logprob in drawn:
        assert logprob == pytest.approx(math.log(candidates[token]), abs=1e-4)


def test_the_same_seed_gives_the_same_tokens() -> None:
    logits = vocabulary_sized(1.0)

    def tokens(seed: int | None) -> list[int]:
        sampler = Sampler(Sampling(temperature=0.8, top_p=0.95, seed=seed))
        return [sample(logits, sampler)[0] for _ in range(30)]

    assert tokens(1) == tokens(1)
    assert len({tuple(tokens(seed)) for seed in (1, 2, None, None)}) == 4


def test_what_was_chosen_counts_as_seen() -> None:
    logits = np.zeros(8, np.float32)
    logits[[4, 5, 6]] = [3, 2.5, 2]
    sampler = Sampler(Sampling(temperature=0, repetition_penalty=2))
    assert [sample(logits, sampler)[0] for _ in range(4)] == [4, 5, 6, 4]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_special_tokens_are_never_chosen(temperature: float) -> None:
    logits = np.zeros(8, np.float32)
    logits[[BOS, PAD, UNK]] = 50
    sampler = Sampler(Sampling(temperature=temperature, seed=0))
    assert {sample(logits, sampler)[0] for _ in range(200)} <= {EOS, 4, 5, 6, 7}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("sampling", [Sampling(temperature=0), Sampling(), Sampling(top_k=2), Sampling(top_p=0.5)])
def test_logits_that_are_no_numbers_are_refused(bad: float, sampling: Sampling) -> None:
    logits = np.full(8, -math.inf, np.float32)
    logits[5] = bad
    with pytest.raises(TinylmError, match="NaN or infinite"):
        sample(logits, Sampler(sampling))


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("temperature", -0.1, "0.001 to 100"),
        ("temperature", 1e-9, "0.001 to 100"),
        ("temperature", math.nan, "0.001 to 100"),
        ("top_k", -1, "0 (off) or more"),
        ("top_p", 0.0, "0.000000001 to 1"),
        ("top_p", 5e-324, "0.000000001 to 1"),  # 0 as float32
        ("top_p", 1.01, "0.000000001 to 1"),
        ("top_p", math.nan, "0.000000001 to 1"),
        ("repetition_penalty", 0.0, "0.01 to 100"),
        ("repetition_penalty", math.inf, "0.01 to 100"),
        ("temperature", math.inf, "0.001 to 100"),
        ("top_p", 2.0, "0.000000001 to 1"),
        ("seed", -1, "0 to 18446744073709551615"),
        ("seed", 2**64, "0 to 18446744073709551615"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name: str, value: float, limit: str) -> None:
    with pytest.raises(TinylmError) as caught:
        Sampling(**{name: value})  # type: ignore[arg-type]
    assert f"`{name}` is {value}" in caught.value.message
    assert limit in caught.value.message
