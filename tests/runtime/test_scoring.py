"""Bits of a text against log-softmax in float64 over windows cut by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.engine import Engine
from tinylm.runtime.logits import cross_entropy
from tinylm.runtime.scoring import score_ids, text_bits
from tinylm.tokenizer.tokenizer import BOS, UNK, Tokenizer

MakeBundle = Callable[..., Bundle]


class Constant:
    """Stands in for an Engine that always gives the same logits; records every window."""

    def __init__(self, logits: Sequence[float], *, context_length: int = 10) -> None:
        self.context_length, self.vocab_size = context_length, len(logits)
        self._logits = np.array(logits, np.float32)
        self.windows: list[list[int]] = []

    def truncate(self, length: int) -> None:
        assert length == 0
        self.windows.append([])

    def score(self, ids: Sequence[int]) -> list[float]:
        self.windows[-1] += ids[:-1]
        return [cross_entropy(self._logits.data, target) for target in ids[1:]]


@pytest.mark.parametrize("scheme", ["fp32", "int8"])
@pytest.mark.parametrize("length", [1, 2, 48, 49, 50, 120])
def test_every_token_is_predicted_once_from_its_window(
    make_bundle: MakeBundle, backend: Backend, scheme: str, length: int
) -> None:
    stream = [BOS, *np.random.default_rng(1).integers(4, 128, length - 1).tolist()]
    with Engine(make_bundle(scheme=scheme), backend=backend) as engine:
        engine.prefill([5, 6, 7])  # what was in the cache must not matter
        nats = score_ids(engine, stream)
        expected = []
        for start in range(0, length - 1, 48):
            engine.truncate(0)
            for token, target in zip(stream[start : start + 48], stream[start + 1 : start + 49], strict=False):
                logits = np.array(engine.logits(token), np.float64)
                expected.append(np.logaddexp.reduce(logits) - logits[target])
    # The native engine sums float32 exponentials.
    np.testing.assert_allclose(nats, expected, rtol=1e-12 if backend == "onnxruntime" else 1e-5)


def test_windows_do_not_overlap() -> None:
    engine = Constant([0.0] * 64)
    score_ids(engine, range(25))  # type: ignore[arg-type]
    assert engine.windows == [[*range(10)], [*range(10, 20)], [*range(20, 24)]]


def test_a_model_that_knows_nothing_costs_the_logarithm_of_its_vocabulary(make_bundle: MakeBundle) -> None:
    tokenizer = Tokenizer(make_bundle().tokenizer)
    text = "the out 漢 wa"
    ids = tokenizer.encode(text)
    bits, tokens = text_bits(Constant([2.5] * 128), tokenizer, text)  # type: ignore[arg-type]
    assert tokens == len(ids)
    assert ids.count(UNK) == 1
    assert bits == pytest.approx(7 * tokens + 8 * len("漢".encode()), abs=1e-9)


def test_an_empty_text_costs_nothing(make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    with Engine(bundle) as engine:
        assert text_bits(engine, Tokenizer(bundle.tokenizer), "") == (0.0, 0)


def test_extreme_logits_stay_exact() -> None:
    logits = np.array([-3e38, 1000.0, 999.0, -1000.0], np.float32).data
    nats = [cross_entropy(logits, target) for target in (1, 2, 3)]
    rest = math.log1p(math.exp(-1))
    np.testing.assert_allclose(nats, [rest, rest + 1, rest + 2000], rtol=1e-12)


@pytest.mark.parametrize(
    "logits",
    [[0.0, math.nan, 0.0], [0.0, math.inf, 0.0], [1.0, 2.0, -math.inf], [-math.inf, -math.inf, -math.inf]],
)
def test_logits_that_are_no_numbers_are_refused(logits: list[float]) -> None:
    with pytest.raises(TinylmError, match="NaN or infinite"):
        cross_entropy(np.array(logits, np.float32).data, 2)


@pytest.mark.parametrize("stream", [[0, 64], [0, -1], [64, 0]])
def test_tokens_out_of_range_are_refused(make_bundle: MakeBundle, backend: Backend, stream: list[int]) -> None:
    with Engine(make_bundle(), backend=backend) as engine, pytest.raises(TinylmError, match="not in the vocabulary"):
        score_ids(engine, [token if token < 64 else 128 for token in stream])
