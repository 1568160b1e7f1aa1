"""Batches are a function of (seed, step), and an epoch is every token once."""

from __future__ import annotations

import itertools
import threading
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.dataset.batches import NOT_PREDICTED, PADDING, Batch, Batches
from tinylm.dataset.shards import Documents, Source
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD


def windows(length: int, context: int, batch: int, seed: int) -> Batches:
    return Batches(np.arange(10, 10 + length).astype(np.uint16), context_length=context, batch_size=batch, seed=seed)


def packed(sizes: list[int], context: int, batch: int, seed: int, **weights: float) -> tuple[Batches, np.ndarray]:
    """Documents of `sizes` tokens beside BOS and EOS, all different, from sources `a` and `b` in turns; the stream."""
    rows, starts, at, token = [], [], 0, 10
    for size in sizes:
        rows.append([BOS, *range(token, token + size), EOS])
        starts.append(at)
        at += size + 2
        token += size
    tokens = np.concatenate(rows).astype(np.uint16)
    sources = (Source(name="a", language="en"), Source(name="b", language="es"))
    documents = Documents(np.array(starts, np.uint64), np.arange(len(sizes), dtype=np.uint32) % 2, sources)
    made = Batches(tokens, documents, context_length=context, batch_size=batch, seed=seed, weights=weights)
    return made, tokens


def epoch_rows(batches: Batches, epoch: int, batch: int) -> Batch:
    """The rows of one epoch when all have as many."""
    first, last = epoch * batches.sequences, (epoch + 1) * batches.sequences
    steps = [batches.batch(step) for step in range(first // batch, -(-last // batch))]
    cut = slice(first % batch, first % batch + batches.sequences)
    return Batch(*(np.concatenate([getattr(s, n) for s in steps])[cut] for n in ("inputs", "targets", "documents")))


sizes_ = st.lists(st.one_of(st.integers(1, 12), st.integers(1, 120)), min_size=3, max_size=30)
common = {"context": st.integers(1, 30), "batch": st.integers(1, 9), "seed": st.integers(0, 2**32)}


@settings(max_examples=60)
@given(
    sizes=sizes_,
    **common,
    steps=st.lists(st.integers(0, 60), min_size=1, max_size=6),
    weight=st.sampled_from([1, 2, 0.5, 1.25]),
)
def test_a_function_of_seed_and_step(
    sizes: list[int], context: int, batch: int, seed: int, steps: list[int], weight: float
) -> None:
    """In whatever order steps are asked for, each is what a fresh object answers."""
    context = min(context, (sum(sizes) + 2 * len(sizes)) // 2)
    for make in (
        lambda: packed(sizes, context, batch, seed, a=weight)[0],
        lambda: windows(2 * context + sum(sizes), context, batch, seed),
    ):
        with make() as batches:
            for step in steps:
                found = batches.batch(step)
                with make() as fresh:
                    expected = fresh.batch(step)
                for name, dtype in (("inputs", np.int64), ("targets", np.int64), ("documents", np.int32)):
                    assert getattr(found, name).shape == (batch, context)
                    assert getattr(found, name).dtype == dtype
                    np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@settings(max_examples=60)
@given(sizes=sizes_, **common)
def test_a_packed_epoch_predicts_every_token_once_and_never_across_a_border(
    sizes: list[int], context: int, batch: int, seed: int
) -> None:
    context = min(context, (sum(sizes) + 2 * len(sizes)) // 2)
    batches, tokens = packed(sizes, context, batch, seed)
    assert batches.steps_per_epoch == -(-batches.sequences // batch)
    follows = {(int(a), int(b)) for a, b in itertools.pairwise(tokens) if b != BOS}
    with batches:
        for epoch in range(3):
            rows = epoch_rows(batches, epoch, batch)
            predicted = rows.targets != NOT_PREDICTED
            np.testing.assert_array_equal(predicted, rows.documents != PADDING)  # all that is read predicts
            np.testing.assert_array_equal(rows.inputs[~predicted], PAD)
            assert Counter(rows.targets[predicted].tolist()) == Counter(tokens[tokens != BOS].tolist())
            assert set(zip(rows.inputs[predicted].tolist(), rows.targets[predicted].tolist(), strict=True)) == follows
            assert predicted.mean() == pytest.approx(batches.utilisation)
            same = (rows.documents[:, 1:] == rows.documents[:, :-1]) & predicted[:, 1:]
            np.testing.assert_array_equal(rows.inputs[:, 1:][same], rows.targets[:, :-1][same])
            assert (rows.targets[:, :-1][~same & predicted[:, 1:]] != BOS).all()
            steps = np.diff(rows.documents, axis=1)
            assert ((steps == 0) | (steps == 1) | (rows.documents[:, 1:] == PADDING)).all()
            assert (rows.documents[:, 0] == 0).all()


@settings(max_examples=60)
@given(count=st.integers(1, 40), extra=st.integers(0, 30), **common)
def test_an_epoch_visits_every_window_once(count: int, extra: int, context: int, batch: int, seed: int) -> None:
    with windows((count + 1) * context + extra % context, context, batch, seed) as batches:
        assert batches.sequences == count
        assert batches.utilisation == 1
        assert batches.steps_per_epoch == -(-count // batch)
        offsets = []
        for epoch in range(2):
            rows = epoch_rows(batches, epoch, batch)
            np.testing.assert_array_equal(rows.targets, rows.inputs + 1)  # consecutive tokens
            assert not rows.documents.any()
            starts = np.sort(rows.inputs[:, 0]) - 10
            np.testing.assert_array_equal(np.diff(starts), context)  # stride = context: no token twice, none left out
            offsets.append(int(starts[0]))
        assert all(0 <= offset < context for offset in offsets)


def test_windows_do_not_predict_where_a_document_begins() -> None:
    tokens = np.array([BOS, 9, EOS] * 20, np.uint16)
    with Batches(tokens, context_length=7, batch_size=2, seed=0) as batches:
        batch = batches.batch(0)
    np.testing.assert_array_equal(batch.targets == NOT_PREDICTED, batch.inputs == EOS)
    assert (batch.targets == EOS).any()


def test_books_lose_nothing_against_windows() -> None:
    batches, tokens = packed([5000, 7001], 128, 8, 0)
    with batches, Batches(tokens, context_length=128, batch_size=8, seed=0) as stream:
        assert batches.utilisation >= 0.99
        assert stream.sequences <= batches.sequences <= stream.sequences + 2


def test_order_and_cuts_differ_between_epochs_and_seeds() -> None:
    def first(seed: int, step: int) -> list[int]:
        with packed([4000], 64, 40, seed)[0] as batches:
            return batches.batch(step).inputs[:, 0].tolist()

    assert first(7, 0) != sorted(first(7, 0))
    assert first(7, 0) != first(7, 2)
    assert first(7, 0) != first(8, 0)
    with windows(64 * 41, 64, 40, 7) as batches:
        assert list(batches.batch(0).inputs[:, 0]) != list(batches.batch(1).inputs[:, 0])


@pytest.mark.parametrize("weights", [{"a": 0.5, "b": 2}, {"en:a": 0.5, "a": 9, "es:b": 2}])
def test_weights_show_documents_more_and_less_often(weights: dict[str, float]) -> None:
    """Documents 0, 2, ... are of `a`: the first token behind BOS tells which document it is."""
    sizes = [11] * 40
    batches, tokens = packed(sizes, 12, 4, 3, **weights)
    assert batches.sequences == 10 + 40
    shown = []
    with batches:
        for epoch in range(2):
            rows = epoch_rows(batches, epoch, 4)
            shown.append(Counter(int((t - 10) // 11) for t in rows.targets[:, 0]))
    for counts in shown:
        assert {counts[i] for i in range(1, 40, 2)} == {2}
        assert sum(counts[i] == 1 for i in range(0, 40, 2)) == 10
    assert shown[0] != shown[1]  # another half
    assert tokens[1] == 10


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"c": 1.0}, "source `c`"),
        ({"a": 0, "b": 0}, "no text"),
    ],
)
def test_impossible_weights_are_refused(weights: dict[str, float], message: str) -> None:
    with pytest.raises(TinylmError, match=message):
        packed([11] * 4, 12, 4, 3, **weights)
    with pytest.raises(TinylmError, match="separate documents"):
        Batches(np.arange(90).astype(np.uint16), context_length=9, batch_size=1, seed=0, weights={"a": 2})


@pytest.mark.parametrize("context", [1, 16, 128])
def test_too_little_text_names_the_minimum_and_the_minimum_works(context: int) -> None:
    with pytest.raises(TinylmError, match=f"has {2 * context - 1} tokens; .* needs at least {2 * context}") as caught:
        windows(2 * context - 1, context, 4, 0)
    assert "--max-seq-length" in caught.value.hint
    for seed in range(20):
        with windows(2 * context, context, 4, seed) as batches:
            assert batches.batch(0).inputs.shape == (4, context)


def test_the_next_batch_is_made_meanwhile_and_closing_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    ready = threading.Event()
    make = Batches._make

    def noted(batches: Batches, step: int) -> Batch:
        made.append(step)
        if step == 1:
            ready.set()
        return make(batches, step)

    monkeypatch.setattr(Batches, "_make", noted)
    before = threading.active_count()
    batches = windows(300, 10, 4, 0)
    batches.batch(0)
    assert ready.wait(timeout=30)
    batches.batch(1)
    batches.close()
    assert made[:2] == [0, 1]
    assert made[2:] in ([], [2])  # one ahead, no more, and none twice
    assert threading.active_count() == before
