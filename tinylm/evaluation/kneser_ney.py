"""A Kneser-Ney n-gram model over token ids: what counting alone reaches, and no neural network may fall short of.

Interpolated, with three discounts for each order ("modified", Chen and Goodman 1998, section 4.1.6,
https://dash.harvard.edu/handle/1/25104739). No packaged estimator installs with pip: the package `kenlm` has the query
side only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
_ABSENT = -1


@dataclass(frozen=True)
class _Order:
    """The n-grams of one length, known by number; the number of a one-gram is its token."""

    keys: Ids
    """(number of the first n - 1 tokens) x vocabulary + last token, sorted; an n-gram's number is its place here."""
    discounted: NDArray[np.float64]
    """(count - discount) / count of its context: what an n-gram has before the shorter ones add to it."""
    left_over: NDArray[np.float64]
    """By the number of a context of n - 1 tokens: the share of probability that the shorter n-grams divide."""


class KneserNey:
    """Trained on a stream of ids in which `bos` begins every text: no n-gram reaches over it, nor is it predicted."""

    def __init__(self, tokens: NDArray[np.integer], *, vocab_size: int, bos: int, order: int = 5) -> None:
        self._vocab_size, self._bos = vocab_size, bos
        ids = tokens.astype(np.int64)
        begins = ids == bos
        keys: list[Ids] = [np.arange(vocab_size, dtype=np.int64)]
        numbers: list[Ids] = [ids]  # of the n-gram that ends at each place, or `_ABSENT` where it would reach over BOS
        for _ in range(1, order):
            key = self._extend(numbers[-1], ids)
            if (key == _ABSENT).all():  # no text is as long
                break
            keys.append(np.unique(key[key != _ABSENT]))
            numbers.append(_find(keys[-1], key))
        self._orders = [
            self._order(
                keys[n],
                numbers[n],
                longer=(keys[n + 1], numbers[n + 1]) if n + 1 < len(keys) else None,
                contexts=1 if n == 0 else len(keys[n - 1]),
                begins=begins,
                n=n + 1,
            )
            for n in range(len(keys))
        ]

    def nats(self, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
        """Cross-entropy of each token but BOS in nats, in order; `tokens` begins with BOS, as training text does."""
        ids = tokens.astype(np.int64)
        number = ids
        probability = np.full(len(ids), 1.0 / (self._vocab_size - 1))  # BOS never comes
        context = np.zeros(len(ids), np.int64)  # the empty one, which is always known
        for n, order in enumerate(self._orders):
            if n:
                key = self._extend(number, ids)
                context = np.where(key == _ABSENT, _ABSENT, np.concatenate([[_ABSENT], number[:-1]]))
                number = _find(order.keys, key)
            seen = np.flatnonzero(context != _ABSENT)
            known = number[seen]
            own = np.where(known == _ABSENT, 0.0, order.discounted[known])
            probability[seen] = own + order.left_over[context[seen]] * probability[seen]
        nats: NDArray[np.float64] = -np.log(probability[ids != self._bos])
        return nats

    def _extend(self, number: Ids, ids: Ids) -> Ids:
        """Keys of the n-grams one token longer, at the places where they end."""
        key = np.full(len(ids), _ABSENT)
        before = number[:-1]
        fits = (before != _ABSENT) & (ids[1:] != self._bos)
        key[1:][fits] = before[fits] * self._vocab_size + ids[1:][fits]
        return key

    def _order(
        self,
        keys: Ids,
        numbers: Ids,
        *,
        longer: tuple[Ids, Ids] | None,
        contexts: int,
        begins: NDArray[np.bool_],
        n: int,
    ) -> _Order:
        counts = np.bincount(numbers[numbers != _ABSENT], minlength=len(keys)).astype(np.float64)
        if longer is not None:
            # How many different tokens come before it; what begins a text has none before it and keeps its count.
            longer_keys, longer_numbers = longer
            last = np.full(len(longer_keys), _ABSENT)
            ends = np.flatnonzero(longer_numbers != _ABSENT)
            last[longer_numbers[ends]] = numbers[ends]
            before = np.bincount(last, minlength=len(keys)).astype(np.float64)
            at_the_beginning = np.zeros(len(keys), bool)
            places = np.flatnonzero(begins) + n - 1
            places = places[places < len(numbers)]
            first = numbers[places]
            at_the_beginning[first[first != _ABSENT]] = n > 1
            counts = np.where(at_the_beginning, counts, before)
        if n == 1:
            counts[self._bos] = 0.0
        context = keys // self._vocab_size if n > 1 else np.zeros(len(keys), np.int64)
        discount = _discounts(counts)
        total = np.bincount(context, counts, minlength=contexts)
        taken = np.bincount(context, discount, minlength=contexts)
        safe = np.maximum(total, 1e-300)
        return _Order(
            keys=keys,
            discounted=(counts - discount) / safe[context],
            # A context that only ends texts has nothing after it: all of its probability is left.
            left_over=np.where(total > 0, taken / safe, 1.0),
        )


def _discounts(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each count gives up: three constants, for counts of one, two, and more."""
    ones, twos, threes, fours = (float((counts == value).sum()) for value in (1, 2, 3, 4))
    if not (ones and twos and threes):  # too little text to estimate them
        return np.minimum(counts, 0.75)
    share = ones / (ones + 2 * twos)
    constants = np.array(
        [0, 1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes]
    )
    taken: NDArray[np.float64] = np.clip(constants, 0, None)[np.minimum(counts, 3).astype(np.int64)]
    return taken


def _find(keys: Ids, wanted: Ids) -> Ids:
    """Places of `wanted` in the sorted `keys`; `_ABSENT` where it is not there."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, _ABSENT)
