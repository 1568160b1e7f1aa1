"""The program's random numbers are Python's."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.runtime.sampling import MAX_SEED

Draw = Callable[[int, int], list[float]]


@pytest.fixture(scope="module")
def draw(compiled: Callable[..., ctypes.CDLL]) -> Draw:
    library = compiled("twister.c")
    library.twister_random.restype = ctypes.c_double
    state = ctypes.create_string_buffer(625 * 4)

    def draw(seed: int, count: int) -> list[float]:
        library.twister_seed(state, ctypes.c_uint64(seed))
        return [library.twister_random(state) for _ in range(count)]

    return draw


@given(seed=st.integers(0, MAX_SEED), count=st.integers(1, 20))
def test_any_seed_gives_pythons_numbers(draw: Draw, seed: int, count: int) -> None:
    expected = random.Random(seed)
    assert draw(seed, count) == [expected.random() for _ in range(count)]


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**32 + 1, MAX_SEED])
def test_long_series_are_the_same(draw: Draw, seed: int) -> None:
    """Longer than the state, which is renewed every 312 numbers."""
    expected = random.Random(seed)
    assert draw(seed, 1000) == [expected.random() for _ in range(1000)]
