"""Golden tokens hold on other hardware: they are the runtime's own, and only where the choice was clear."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from table_engine import Logits, TableEngine

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import Golden, GoldenPrompt
from tinylm.export import golden
from tinylm.export.golden import ENCODED, FEWEST_IDS, PROMPTS, SAFE_GAP, continuation, make_golden
from tinylm.export.quality.quality import DocumentSums
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
    graphs = (Engine(result.bundle, backend="onnxruntime") for result in (int8, fp32))
    with next(graphs) as exported, next(graphs) as reference:
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


def engine(*, best: Any, gap: float, noise: float = 0.0, **named: Any) -> Any:
    """Prefers the token `best(ids)` by `gap` to the next one; all else lies 10 below, and `noise` is added to half."""

    def answer(ids: list[int], prefilled: int) -> Logits:
        chosen = best(ids)
        logits = np.full(12, -10.0, np.float32)
        logits[(chosen + 1) % 12] = 0.0
        logits[chosen] = gap
        return (logits + noise * (np.arange(12) % 2)).astype(np.float32)

    return TableEngine(answer, **named)


def words(count: int) -> Any:
    """A tokenizer that gives every word of a text the id 5."""
    return types.SimpleNamespace(encode=lambda text: [5] * len(text.split()))


def continued(exported: Any, fp32: Any, text: str = "one two three") -> GoldenPrompt:
    return continuation(exported, fp32, words(3), text)


def test_a_continuation_is_prefilled_but_for_its_last_token_and_twelve_tokens_long() -> None:
    exported, fp32 = (engine(best=lambda ids: 6 + len(ids) % 4, gap=3.0) for _ in range(2))
    found = continued(exported, fp32)
    assert found == GoldenPrompt(
        prompt="one two three", prompt_ids=(BOS, 5, 5, 5), ids=tuple(6 + length % 4 for length in range(4, 16))
    )
    assert exported.prefills == fp32.prefills == [[BOS, 5, 5]]
    assert exported.ids == fp32.ids == [BOS, 5, 5, 5, *found.ids[:-1]]  # both read the same


def test_a_continuation_fills_the_context_to_the_last_token() -> None:
    for context_length, count in ((4, 1), (6, 3), (3, 0), (2, 0)):
        both = [engine(best=lambda ids: 7, gap=3.0, context_length=context_length) for _ in range(2)]
        assert len(continued(*both).ids) == count


@pytest.mark.parametrize("special", [BOS, EOS, PAD, UNK])
def test_a_continuation_ends_before_a_special_token(special: int) -> None:
    both = [engine(best=lambda ids: special if len(ids) == 6 else 7, gap=3.0) for _ in range(2)]
    assert continued(*both).ids == (7, 7)


def test_a_gap_must_be_five_times_the_noise_of_quantization() -> None:
    """Noise of 0.2 on every second logit has the standard deviation 0.1; of 7 and 8 it moves one, and so their gap."""
    for gap, count in ((0.51, 12), (0.49, 0)):
        exact, exported = (engine(best=lambda ids: 7, gap=gap - 0.2, noise=noise) for noise in (0.0, 0.2))
        assert len(continued(exported, exact).ids) == count


def test_without_noise_a_gap_must_show_beside_the_logits_spread() -> None:
    for gap, count in ((0.005, 12), (0.003, 0)):  # the logits' standard deviation is about 3.7
        both = [engine(best=lambda ids: 7, gap=gap) for _ in range(2)]
        assert len(continued(*both).ids) == count


def test_four_safe_tokens_are_enough_and_three_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "PROMPTS", {"en": ("one two three", "one two")})

    def score(texts: list[str]) -> list[DocumentSums]:
        return [
            DocumentSums(
                tokens=1, text_bytes=9, unknown_bytes=2, nats=3.0, nats_reference=2.0, divergence=0.0, agreed=1
            )
            for _ in texts
        ]

    def make(ends: int) -> Golden:
        both = [engine(best=lambda ids: EOS if len(ids) == ends else 7, gap=3.0) for _ in range(2)]
        return make_golden(*both, words(3), held_out={"en": ["short", "too"]}, score=score)

    with pytest.raises(TinylmError, match="only 3 golden tokens are safe across processors, over 2 prompts"):
        make(6 - 1)  # 1 after the first and 2 after the second
    found = make(6)
    assert [len(prompt.ids) for prompt in found.prompts] == [2, 3]
    assert [(text.language, text.text) for text in found.held_out] == [("en", "short"), ("en", "too")]
    for text in found.held_out:
        assert text.bits == pytest.approx(3 / np.log(2) + 16)
        assert text.bits_fp32 == pytest.approx(2 / np.log(2) + 16)
    assert [len(prompt.ids) for prompt in make(3).prompts] == [12]  # what has no safe token is left out


def test_stretches_are_whole_words_from_places_all_over_the_text() -> None:
    text = " ".join(f"w{number:04}" for number in range(400))
    found = list(golden._stretches(text))
    assert len(found) == 8
    assert found[0] == "w0001 w0002 w0003 w0004 w0005 w0006"
    assert all(stretch in text and len(stretch) <= 48 for stretch in found)
    step = len(text) // 8
    assert [text.index(stretch) for stretch in found] == pytest.approx([i * step for i in range(8)], abs=12)
    assert list(golden._stretches(text[:47])) == []
    assert list(golden._stretches(text[:48])) == ["w0001 w0002 w0003 w0004 w0005 w0006"]
    assert len(list(golden._stretches(text[: 48 * 4]))) == 4
    assert list(golden._stretches("a" * 22 + " bbb " + "c" * 21)) == ["bbb"]
    assert list(golden._stretches("a" * 20 + " " + "b" * 40)) == ["a" * 20 + " " + "b" * 27]  # nothing lies between


def test_the_beginning_takes_whole_documents_until_there_is_enough() -> None:
    assert list(golden._beginning(["a" * 1500, "b" * 500, "c"])) == ["a" * 1500, "b" * 500]
    assert list(golden._beginning(["a" * 1500, "b" * 499, "c" * 9])) == ["a" * 1500, "b" * 499, "c"]
    assert list(golden._beginning(["a" * 1999, "ñ", "c"])) == ["a" * 1999]  # half a character is none
