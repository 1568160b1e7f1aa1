"""Requests are long enough for a tokenizer that knows none of the prompts' letters."""

from __future__ import annotations

import pytest
from sentencepiece_models import learned_model

from tinylm.budget.spec.prompts import PROMPTS
from tinylm.bundle.reading import Bundle
from tinylm.runtime.measurement.candidate import readable
from tinylm.runtime.measurement.profile_probe import prompts_of
from tinylm.tokenizer.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("chinese")
    lines = ("从前有一座山，山里有一座庙。" for _ in range(20))
    return Tokenizer(learned_model(folder / "a.model", sentence_iterator=lines, vocab_size=24))


def test_letters_without_a_piece_make_whole_requests(chinese: Tokenizer) -> None:
    for prompt in PROMPTS:
        assert len(chinese.encode(prompt)) < 16  # what a request reads
        assert len(chinese.encode(readable(prompt, chinese))) > 100


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length", [16, 500])
def test_a_profile_s_prompts_come_to_an_end(chinese: Tokenizer, length: int) -> None:
    for text in prompts_of(chinese, PROMPTS, length):
        assert length - 1 <= len(chinese.encode(text)) <= length + 1


def test_a_prompt_that_is_read_stays_as_it_is(tiny_bundle: Bundle) -> None:
    tokenizer = Tokenizer(tiny_bundle.tokenizer)
    assert all(readable(prompt, tokenizer) == prompt for prompt in PROMPTS)
