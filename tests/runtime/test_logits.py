"""How likely the model finds its tokens, against a plain softmax in float64; in C and in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.runtime import logits as native
from tinylm.runtime import numpy_sampling
from tinylm.runtime.sampling import FORBIDDEN
from tinylm.tokenizer.tokenizer import BOS

TopLogprobs = Callable[..., tuple[float, list[tuple[int, float]]]]
# The engine's exponentials are float32, the sum and the logarithm float64.
NATS = 1e-6


@pytest.fixture(params=[native.top_logprobs, numpy_sampling.top_logprobs], ids=["native", "numpy"])
def top_logprobs(request: pytest.FixtureRequest) -> TopLogprobs:
    found: TopLogprobs = request.param
    return found


def reference(logits: Sequence[float]) -> list[float]:
    """The log-softmax, summed exactly."""
    best = max(logits)
    total = math.fsum(math.exp(logit - best) for logit in logits)
    return [logit - best - math.log(total) for logit in logits]


@given(
    # Eighths: equal logits are common, and the same in float32 as in float64.
    values=st.lists(
        st.one_of(st.integers(-800, 800).map(lambda n: n / 8), st.just(-math.inf)), min_size=4, max_size=90
    ),
    token=st.integers(0, 89),
    count=st.integers(0, 30),
    forbidden=st.sets(st.integers(0, 3)),
)
def test_log_probabilities_are_those_of_a_plain_softmax(
    values: list[float], token: int, count: int, forbidden: set[int]
) -> None:
    assume(max(values) > -math.inf)
    token %= len(values)
    expected = reference(values)
    listed = [i for i in range(len(values)) if i not in forbidden and values[i] > -math.inf]
    likeliest = sorted(listed, key=lambda i: (-values[i], i))[:count]
    given_logits = memoryview(np.array(values, np.float32))
    for implementation in (native.top_logprobs, numpy_sampling.top_logprobs):
        logprob, found = implementation(given_logits, token, count=count, forbidden=tuple(forbidden))
        assert logprob == pytest.approx(expected[token], abs=NATS)
        assert [i for i, _ in found] == likeliest
        assert [value for _, value in found] == pytest.approx([expected[i] for i in likeliest], abs=NATS)


@pytest.mark.parametrize("spread", [0.0, 1.0, 8.0, 1e30])
def test_a_whole_vocabulary(top_logprobs: TopLogprobs, spread: float) -> None:
    values = (np.random.default_rng(3).standard_normal(8000) * spread).astype(np.float32)
    expected = reference(values.tolist())
    likeliest = [i for i in np.argsort(-values, kind="stable").tolist() if i not in FORBIDDEN][:20]
    logprob, found = top_logprobs(memoryview(values), 4000, count=20, forbidden=FORBIDDEN)
    assert [i for i, _ in found] == likeliest
    assert [logprob, *(value for _, value in found)] == pytest.approx(
        [expected[i] for i in (4000, *likeliest)], abs=NATS, rel=1e-7
    )


def test_what_is_never_chosen_counts_in_the_sum_but_is_no_alternative(top_logprobs: TopLogprobs) -> None:
    values = np.zeros(8, np.float32)
    values[BOS] = 100
    logprob, found = top_logprobs(memoryview(values), 5, count=8, forbidden=FORBIDDEN)
    assert logprob == pytest.approx(-100)
    assert [i for i, _ in found] == [1, 4, 5, 6, 7]


@pytest.mark.parametrize("bad", [[0.0, math.nan, 1.0], [math.inf, 0.0, 0.0], [-math.inf] * 3])
def test_logits_that_are_no_numbers_are_refused(top_logprobs: TopLogprobs, bad: list[float]) -> None:
    with pytest.raises(TinylmError, match="NaN or infinite"):
        top_logprobs(memoryview(np.array(bad, np.float32)), 1, count=2, forbidden=())
