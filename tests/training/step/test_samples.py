"""Samples while training: the same seed, the same text; nothing changes in the model."""

from __future__ import annotations

import torch

from tinylm.corpus.corpus_files import read_pieces
from tinylm.dataset.dataset import Dataset
from tinylm.model import build
from tinylm.settings.run import RunRequest
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import UNK
from tinylm.training.step.samples import MAX_TOKENS, sample_prompts, sample_text


def test_samples_repeat_by_seed_and_stay_in_the_context(small_run: RunRequest, dataset: Dataset) -> None:
    torch.manual_seed(0)
    model, tokenizer = build(small_run.model), dataset.tokenizer()
    model.train()
    state = torch.get_rng_state()

    def sample(seed: int, context_length: int = 32) -> str:
        return sample_text(model, tokenizer, "the king", context_length=context_length, seed=seed)

    texts = [sample(seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert texts[0].startswith("the king")
    assert sample(1, context_length=4).startswith("the king")  # longer than the context: the oldest tokens go
    assert UNK not in tokenizer.encode(texts[0])
    assert len(tokenizer.encode(texts[0])) <= len(tokenizer.encode("the king")) + MAX_TOKENS
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def piece(text: str, language: str, *, start: bool = True) -> Piece:
    return Piece(text, language, "a", start=start, end=True)


def test_prompts_are_how_the_own_text_begins(dataset: Dataset) -> None:
    pieces = list(read_pieces(dataset.path / "val.jsonl"))
    prompts = sample_prompts(pieces, dataset.tokenizer())
    assert len(prompts) == 2  # en, es
    for language, prompt in zip(("en", "es"), prompts, strict=True):
        assert any(found.text.startswith(prompt) for found in pieces if found.language == language)
        assert UNK not in dataset.tokenizer().encode(prompt)


def test_beginnings_of_documents_with_letters_and_without_unk_come_first(dataset: Dataset) -> None:
    tokenizer = dataset.tokenizer()
    pieces = [
        piece("the queen went", "en", start=False),
        piece("漢 the king", "en"),
        piece("--- ...", "en"),
        piece("the king said", "en"),
        piece("a little girl", "en"),
        piece("the king of", "en"),  # begins like one before
    ]
    assert sample_prompts(pieces, tokenizer) == ("the king", "a little")
    assert sample_prompts(pieces[:1], tokenizer) == ("the queen",)
    assert sample_prompts(pieces[1:2], tokenizer) == ("漢 the",)  # nothing better is there


def test_the_languages_with_most_text_are_sampled(dataset: Dataset) -> None:
    pieces = [piece("the king " * (7 - place), language) for place, language in enumerate("zyxwvut")]
    assert len(sample_prompts(pieces, dataset.tokenizer())) == 4
    assert sample_prompts([], dataset.tokenizer()) == ()
