"""Batches are a function of (seed, step), and an epoch is every window once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinylm.errors import TinylmError
from tinylm.tokens.batches import Batches


def make(length: int, context: int, batch: int, seed: int) -> Batches:
    return Batches(np.arange(length).astype(np.uint16), context_length=context, batch_size=batch, seed=seed)


sizes = {
    "windows": st.integers(1, 40),
    "extra": st.integers(0, 30),
    "context": st.integers(1, 30),
    "batch": st.integers(1, 9),
    "seed": st.integers(0, 2**32),
}


@settings(max_examples=60, deadline=None)
@given(**sizes, steps=st.lists(st.integers(0, 200), min_size=1, max_size=6))
def test_a_function_of_seed_and_step(
    windows: int, extra: int, context: int, batch: int, seed: int, steps: list[int]
) -> None:
    """In whatever order steps are asked for, each is what a fresh object answers; targets follow inputs."""
    length = (windows + 1) * context + extra % context
    batches = make(length, context, batch, seed)
    for step in steps:
        rows = batches.batch(step)
        assert rows.shape == (batch, context + 1)
        assert rows.dtype == np.int64
        np.testing.assert_array_equal(rows, make(length, context, batch, seed).batch(step))
        np.testing.assert_array_equal(np.diff(rows), 1)  # consecutive tokens, so never past the end
        assert rows.min() >= 0
        assert rows.max() < length


@settings(max_examples=60, deadline=None)
@given(**sizes)
def test_an_epoch_visits_every_window_once(windows: int, extra: int, context: int, batch: int, seed: int) -> None:
    batches = make((windows + 1) * context + extra % context, context, batch, seed)
    assert batches.windows == windows
    assert batches.steps_per_epoch == -(-windows // batch)
    rows = np.concatenate([batches.batch(step) for step in range(2 * windows // batch + 2)])
    offsets = []
    for epoch in range(2):
        starts = np.sort(rows[epoch * windows : (epoch + 1) * windows, 0])
        np.testing.assert_array_equal(np.diff(starts), context)  # stride = context: no token twice, none left out
        offsets.append(int(starts[0]))
    assert all(offset < context for offset in offsets)


def test_order_and_offset_differ_between_epochs_and_seeds() -> None:
    batches = make(64 * 41, 64, 40, 7)
    first, second, other = batches.batch(0)[:, 0], batches.batch(1)[:, 0], make(64 * 41, 64, 40, 8).batch(0)[:, 0]
    assert list(first) != sorted(first)
    assert list(first) != list(second)
    assert list(first) != list(other)
    assert len({int(make(64 * 41, 64, 40, seed).batch(0)[0, 0]) % 64 for seed in range(30)}) > 10


@pytest.mark.parametrize("context", [1, 16, 128])
def test_too_little_text_names_the_minimum_and_the_minimum_works(context: int) -> None:
    with pytest.raises(TinylmError, match=f"has {2 * context - 1} tokens; .* needs at least {2 * context}") as caught:
        make(2 * context - 1, context, 4, 0)
    assert "--max-seq-length" in caught.value.hint
    for seed in range(20):
        assert make(2 * context, context, 4, seed).batch(0).shape == (4, context + 1)
