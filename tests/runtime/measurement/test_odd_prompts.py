"""Odd prompts on real engines: answered by a bundle that is right, and told of one that is not."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tinylm.bundle.manifest import Golden, HeldOut
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.engine import Engine
from tinylm.runtime.measurement.golden import quality_differences
from tinylm.runtime.measurement.odd_prompts import PROMPTS, odd_answers
from tinylm.runtime.measurement.protocol import HeldOutBits
from tinylm.tokenizer.tokenizer import Tokenizer


@pytest.mark.parametrize("context_length", [16, 48])
def test_odd_prompts_are_answered(make_bundle: Callable[..., Bundle], backend: Backend, context_length: int) -> None:
    bundle = make_bundle(scheme="int8", byte_fallback=True, context_length=context_length)
    with Engine(bundle, backend=backend) as engine:
        assert odd_answers(engine, Tokenizer(bundle.tokenizer)) == []


def test_numbers_that_are_none_are_told(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Engine.step_scored
    monkeypatch.setattr(Engine, "step_scored", lambda *a, **k: (real(*a, **k)[0], math.nan, []))
    with Engine(tiny_bundle) as engine:
        found = odd_answers(engine, Tokenizer(tiny_bundle.tokenizer))
    assert len(found) == 2 * len(PROMPTS)
    assert all("a probability is no number" in problem for problem in found)


@pytest.mark.parametrize(
    ("bits", "differs"), [(100.0, False), (100.5, False), (102.0, True), (98.0, True), (math.nan, True)]
)
def test_quality_within_the_bound(bits: float, differs: bool) -> None:
    text = HeldOut(language="en", text="a" * 100, bits_fp32=99.0, bits=100.0)
    golden = Golden(schema="1.2", prompts=(), encodings=(), held_out=(text,))
    found = quality_differences(golden, [HeldOutBits(language="en", text_bytes=100, bits=bits, bits_fp32=99.0)])
    assert bool(found) == differs
