"""Rows hold every prediction of every document once, and best fit is what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tinylm.dataset.packing import Packing, Rows, best_fit, padding_utilisation

document_sizes = st.lists(st.one_of(st.integers(0, 20), st.integers(0, 200)), min_size=1, max_size=60)


def packing_of(sizes: list[int], context: int) -> Packing:
    """Documents of sizes + 1 tokens, one behind the other."""
    sizes_ = np.array(sizes, np.int64)
    return Packing(np.cumsum(sizes_ + 1) - sizes_ - 1, sizes_, context_length=context)


def slow_best_fit(sizes: list[int], capacity: int) -> list[int]:
    """Room left in each bin, one item at a time."""
    room: list[int] = []
    for size in sorted(sizes, reverse=True):
        fits = [i for i, left in enumerate(room) if left >= size]
        if not fits:
            room.append(capacity - size)
        else:
            room[min(fits, key=lambda i: room[i])] -= size
    return room


@given(st.integers(1, 40), st.data())
def test_best_fit_is_best_fit_decreasing_and_never_overfills(capacity: int, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, capacity), max_size=80))
    bins, room = best_fit(np.array(sizes, np.int32), capacity)
    filled = np.bincount(bins, weights=sizes, minlength=len(room)) if sizes else np.zeros(0)
    np.testing.assert_array_equal(filled + room, capacity)
    assert (room >= 0).all()
    # The rooms are those of the textbook's loop: with equal rooms it does not matter which bin is taken.
    assert sorted(room.tolist()) == sorted(slow_best_fit(sizes, capacity))


def predictions(rows: Rows) -> NDArray[np.int64]:
    """The offset of each token read, in order: each predicts the one behind it."""
    return np.concatenate([np.arange(s, s + n) for s, n in zip(rows.start, rows.length, strict=True)] or [np.empty(0)])


@given(document_sizes, st.integers(1, 50), st.integers(0, 9))
def test_every_token_is_predicted_once_and_no_row_overflows(sizes: list[int], context: int, seed: int) -> None:
    packing = packing_of(sizes, context)
    rows = packing.rows(np.random.default_rng(seed))
    assert len(rows.first) - 1 == packing.count
    expected = np.concatenate(
        [np.arange(n) + start for start, n in zip(np.cumsum([0, *(s + 1 for s in sizes)]), sizes, strict=False)]
    )
    np.testing.assert_array_equal(np.sort(predictions(rows)), expected)  # the last token of each is only a target
    assert packing.predictions == sum(sizes)
    ends = set(np.cumsum([s + 1 for s in sizes]).tolist())
    for row in range(len(rows.first) - 1):
        stretches = slice(rows.first[row], rows.first[row + 1])
        assert 0 < rows.length[stretches].sum() <= context
        for start, length in zip(rows.start[stretches], rows.length[stretches], strict=True):
            assert not ends & set(range(start + 1, start + length + 1))  # no stretch reaches into the next document


@given(document_sizes, st.integers(1, 50))
def test_documents_that_fit_are_never_cut(sizes: list[int], context: int) -> None:
    rows = packing_of(sizes, context).rows(np.random.default_rng(0))
    stretches = dict(zip(rows.start.tolist(), rows.length.tolist(), strict=True))
    for start, size in zip(np.cumsum([0, *(s + 1 for s in sizes)]).tolist(), sizes, strict=False):
        if 0 < size <= context:
            assert stretches[start] == size


@given(st.lists(st.integers(51, 400), min_size=1, max_size=20), st.integers(10, 50))
def test_long_documents_alone_fill_every_row_but_the_last(sizes: list[int], context: int) -> None:
    packing = packing_of(sizes, context)
    assert packing.count == -(-sum(sizes) // context)
    filled = np.add.reduceat(
        packing.rows(np.random.default_rng(0)).length, packing.rows(np.random.default_rng(0)).first[:-1]
    )
    assert (filled[:-1] == context).all()


def test_epochs_cut_long_documents_at_other_places() -> None:
    packing = packing_of([1000], 64)
    cuts = {int(packing.rows(np.random.default_rng(seed)).start[1]) % 64 for seed in range(40)}
    assert len(cuts) > 15


@pytest.mark.parametrize("context", [256, 512])
def test_a_mix_of_lengths_fills_the_rows(context: int) -> None:
    generator = np.random.default_rng(0)
    parts = [
        generator.normal(mean, spread, n) for mean, spread, n in ((80, 20, 5000), (350, 80, 3000), (1200, 200, 1000))
    ]
    sizes = np.concatenate(parts).round().clip(2).astype(np.int64) - 1
    packing = packing_of(sizes.tolist(), context)
    rows = packing.rows(generator)
    assert int(rows.length.sum()) == sizes.sum()
    assert packing.utilisation == sizes.sum() / ((len(rows.first) - 1) * context) > 0.98
    assert padding_utilisation(sizes, context_length=context) < 0.7
    # Cuts are few: no more stretches than windows of the long documents and one for each hole that takes one.
    assert len(rows.start) < len(sizes) + 2 * (sizes[sizes > context].sum() // context)
