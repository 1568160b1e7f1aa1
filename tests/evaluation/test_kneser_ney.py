"""The n-gram model that training is compared with: a distribution in every context, and the textbook's figures."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.evaluation.kneser_ney import KneserNey

BOS, VOCAB = 0, 7


def stream(texts: list[list[int]]) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    return np.array([token for text in texts for token in [BOS, *text]], np.uint16)


TEXTS = st.lists(st.lists(st.integers(1, VOCAB - 1), min_size=1, max_size=12), min_size=1, max_size=8)


@given(TEXTS, st.lists(st.integers(1, VOCAB - 1), max_size=6), st.integers(1, 5))
def test_probabilities_sum_to_one_in_every_context(texts: list[list[int]], context: list[int], order: int) -> None:
    model = KneserNey(stream(texts), vocab_size=VOCAB, bos=BOS, order=order)
    last = [model.nats(stream([[*context, token]]))[-1] for token in range(1, VOCAB)]
    assert sum(math.exp(-nats) for nats in last) == pytest.approx(1.0, abs=1e-12)


@given(TEXTS, TEXTS)
def test_a_text_costs_the_same_whatever_stands_before_it(texts: list[list[int]], others: list[list[int]]) -> None:
    model = KneserNey(stream(texts), vocab_size=VOCAB, bos=BOS)
    alone = np.concatenate([model.nats(stream([text])) for text in others])
    np.testing.assert_array_equal(model.nats(stream(others)), alone)


def test_a_bigram_model_is_what_the_definition_says() -> None:
    """Slowly, with dictionaries: Chen and Goodman's equation 4.1.6 for two orders."""
    generator = np.random.default_rng(3)
    texts = [list(1 + generator.zipf(1.3, 9) % (VOCAB - 1)) for _ in range(60)]
    bigrams = Counter(pair for text in texts for pair in zip([BOS, *text], text, strict=False))
    before = defaultdict(set)
    for first, second in bigrams:
        before[second].add(first)
    unigrams = {token: len(firsts) for token, firsts in before.items()}

    def discounts(counts: list[int]) -> list[float]:
        n = [sum(count == value for count in counts) for value in range(5)]
        if not (n[1] and n[2] and n[3]):
            return [0.0, 0.75, 0.75, 0.75]
        y = n[1] / (n[1] + 2 * n[2])
        return [0.0, *(max(0.0, k - (k + 1) * y * n[k + 1] / n[k]) for k in (1, 2, 3))]

    d1, d2 = discounts(list(unigrams.values())), discounts(list(bigrams.values()))

    def unigram(token: int) -> float:
        total = sum(unigrams.values())
        count = unigrams.get(token, 0)
        spare = sum(d1[min(value, 3)] for value in unigrams.values()) / total
        return (count - d1[min(count, 3)]) / total + spare / (VOCAB - 1)

    def bigram(first: int, token: int) -> float:
        after = {second: count for (one, second), count in bigrams.items() if one == first}
        if not after:
            return unigram(token)
        total, count = sum(after.values()), after.get(token, 0)
        spare = sum(d2[min(value, 3)] for value in after.values()) / total
        return (count - d2[min(count, 3)]) / total + spare * unigram(token)

    text = [3, 1, 1, 2, 6, 4, 5, 1, 3]
    expected = [-math.log(bigram(first, second)) for first, second in zip([BOS, *text], text, strict=False)]
    got = KneserNey(stream(texts), vocab_size=VOCAB, bos=BOS, order=2).nats(stream([text]))
    np.testing.assert_allclose(got, expected, rtol=1e-12)
