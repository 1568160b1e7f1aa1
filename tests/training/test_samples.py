"""Samples while training: the same seed, the same text; nothing changes in the model."""

from __future__ import annotations

import torch

from tinylm.config import RunConfig
from tinylm.model import build
from tinylm.tokenizer import UNK
from tinylm.training.dataset import Dataset
from tinylm.training.samples import MAX_TOKENS, sample_text


def test_samples_repeat_by_seed_and_stay_in_the_context(small_run: RunConfig, dataset: Dataset) -> None:
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
