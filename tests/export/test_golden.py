"""Golden tokens hold on other hardware: they are the runtime's own, and only where the choice was clear."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.export import golden
from tinylm.export.golden import ENCODED, FEWEST_IDS, PROMPTS, SAFE_GAP, continuation, make_golden
from tinylm.export.report import ExportResult
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import generate_ids
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.runtime.scoring import text_bits
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer


def test_the_runtime_reproduces_every_prompt(int8: ExportResult, tokenizer: Tokenizer) -> None:
    recorded = int8.bundle.golden()
    assert sum(len(prompt.ids) for prompt in recorded.prompts) >= FEWEST_IDS
    with Engine(int8.bundle) as engine:
        for prompt in recorded.prompts:
            assert list(prompt.prompt_ids) == [BOS, *tokenizer.encode(prompt.prompt)]
            sampler = Sampler(Sampling(temperature=0))
            ids = generate_ids(engine, prompt.prompt_ids, sampler, max_new_tokens=len(prompt.ids), stop_at_eos=False)
            assert tuple(ids) == prompt.ids


def test_no_recorded_choice_was_close_or_special(int8: ExportResult, fp32: ExportResult) -> None:
    with Engine(int8.bundle) as engine, Engine(fp32.bundle) as exact:
        for prompt in int8.bundle.golden().prompts:
            for each in (engine, exact):
                each.truncate(0)
                each.prefill(prompt.prompt_ids[:-1])
            for token, chosen in zip((prompt.prompt_ids[-1], *prompt.ids), prompt.ids, strict=False):
                logits = np.array(engine.logits(token))
                second, best = np.sort(logits)[-2:]
                assert logits[chosen] == best
                assert best - second >= SAFE_GAP * (logits - np.array(exact.logits(token))).std()
                assert chosen not in (BOS, EOS, PAD, UNK)


def test_tokens_stay_the_same_under_the_noise_of_another_processor(
    export: Callable[..., ExportResult], int8: ExportResult, weights: dict[str, NDArray[np.float32]], tmp_path: Path
) -> None:
    """Another processor sums in another order; norms that differ by 1e-7 make the same kind of difference."""
    noise = np.random.default_rng(0)
    moved = {n: np.float32(w * (1 + 1e-7 * noise.standard_normal(w.shape))) for n, w in weights.items() if w.ndim == 1}
    other = export(weights={**weights, **moved}, folder=tmp_path / "bundle")
    with Engine(other.bundle) as engine, Engine(int8.bundle) as here:
        differences = 0
        for prompt in int8.bundle.golden().prompts:
            sampler = Sampler(Sampling(temperature=0))
            count = len(prompt.ids)
            ids = generate_ids(engine, prompt.prompt_ids, sampler, max_new_tokens=count, stop_at_eos=False)
            assert tuple(ids) == prompt.ids
            engine.truncate(0)
            here.truncate(0)
            differences += sum(engine.logits(t) != here.logits(t) for t in prompt.prompt_ids)
    assert differences > 0


def test_encodings_cover_what_goes_wrong_in_tokenizers(int8: ExportResult, tokenizer: Tokenizer) -> None:
    encodings = int8.bundle.golden().encodings
    assert tuple(entry.text for entry in encodings) == ENCODED
    for entry in encodings:
        assert list(entry.ids) == tokenizer.encode(entry.text)
    assert any(UNK in entry.ids for entry in encodings)
    for needed in ("¿", "¡", "ü", "\n", "\r\n", "  ", "🐧", "e\u0301"):
        assert any(needed in entry.text for entry in encodings)


def test_held_out_text_carries_its_bits(
    int8: ExportResult, fp32: ExportResult, tokenizer: Tokenizer, held_out: dict[str, list[str]]
) -> None:
    with Engine(int8.bundle) as exported, Engine(fp32.bundle) as reference:
        for entry in int8.bundle.golden().held_out:
            assert entry.text in held_out[entry.language]
            assert entry.bits == pytest.approx(text_bits(exported, tokenizer, entry.text)[0], rel=1e-6)
            assert entry.bits_fp32 == pytest.approx(text_bits(reference, tokenizer, entry.text)[0], rel=1e-6)
    assert [entry.language for entry in int8.bundle.golden().held_out] == ["en"] * 6 + ["es"] * 6


def test_a_cut_text_ends_with_a_whole_character() -> None:
    text = "a" + "ñ" * 1500
    assert list(golden._beginning(["a", text, text])) == ["a", "a" + "ñ" * 999]


def test_a_model_without_preferences_is_refused(
    int8: ExportResult, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden, "FLOAT_GAP", 1e6)
    with Engine(int8.bundle) as engine, pytest.raises(TinylmError, match="only 0 golden tokens are safe") as caught:
        make_golden(engine, engine, tokenizer, held_out={"en": ["the king"]}, score=lambda texts: [])
    assert caught.value.exit_code == 1


def test_a_prompt_as_long_as_the_context_has_no_continuation(fp32: ExportResult, tokenizer: Tokenizer) -> None:
    with Engine(fp32.bundle) as engine, Engine(fp32.bundle) as same:
        assert len(continuation(engine, same, tokenizer, "\n" * 47).ids) <= 1
        assert continuation(engine, same, tokenizer, "\n" * 48).ids == ()
        assert continuation(engine, same, tokenizer, "\n" * 200).ids == ()


def test_prompts_are_distinct_and_normal() -> None:
    for texts in PROMPTS.values():
        assert len(set(texts)) == len(texts) == 8


def test_prompts_are_short_in_a_script_without_spaces() -> None:
    spaced = list(golden._stretches("the king said to the queen " * 40))
    unspaced = list(golden._stretches("王は女王に言いました。" * 100 + "\n"))
    assert len(spaced) >= 8
    assert len(unspaced) >= 8
    assert all(0 < len(prompt) <= 48 for prompt in spaced + unspaced)
    assert {word for prompt in spaced for word in prompt.split()} <= {"the", "king", "said", "to", "queen"}
