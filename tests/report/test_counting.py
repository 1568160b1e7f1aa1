"""The table of neighbours that a model must beat, on a dataset as training has it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tinylm.dataset.dataset import Dataset
from tinylm.dataset.shards import TRAIN, open_shard, read_index
from tinylm.evaluation.kneser_ney import KneserNey
from tinylm.report import counting
from tinylm.report.counting import bigram_bits_per_byte, unseen_share
from tinylm.report.text import words_of
from tinylm.tokenizer.tokenizer import BOS


def test_it_is_the_cost_of_the_validation_text_by_its_bytes(dataset: Dataset) -> None:
    index = read_index(dataset.tokens)
    train = open_shard(dataset.tokens, index, TRAIN)
    table = KneserNey(train, vocab_size=index.vocab_size, bos=BOS, order=2)
    shards = [(name, shard) for name, shard in index.shards.items() if name != TRAIN]
    bits = sum(table.nats(open_shard(dataset.tokens, index, name)).sum() for name, _ in shards) / math.log(2)
    hidden = sum(shard.unknown_bytes for _, shard in shards)
    text_bytes = sum(part.text_bytes for _, shard in shards for part in shard.parts)
    assert bigram_bits_per_byte(dataset.tokens, index) == pytest.approx((bits + 8 * hidden) / text_bytes, rel=1e-9)


def test_a_long_text_is_counted_in_part_and_blames_no_model_for_more(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = read_index(dataset.tokens)
    whole = bigram_bits_per_byte(dataset.tokens, index)
    assert whole is not None
    monkeypatch.setattr(counting, "_MOST_TRAINING", index.shards[TRAIN].tokens // 4)
    part = bigram_bits_per_byte(dataset.tokens, index)
    assert part is not None
    assert part > whole  # less is known, so less is asked of the model
    monkeypatch.undo()
    longest = max(shard.tokens for name, shard in index.shards.items() if name != TRAIN)
    monkeypatch.setattr(counting, "_MOST_VALIDATION", longest // 2)
    assert bigram_bits_per_byte(dataset.tokens, index) == pytest.approx(whole, rel=0.1)  # half a text is like the other


def test_noise_costs_more_than_text(dataset: Dataset) -> None:
    """What the figure is for: shuffled pieces have the same frequencies and no order, and the table knows it."""
    index = read_index(dataset.tokens)
    table = KneserNey(open_shard(dataset.tokens, index, TRAIN), vocab_size=index.vocab_size, bos=BOS, order=2)
    name = next(name for name in index.shards if name != TRAIN)
    text = np.array(open_shard(dataset.tokens, index, name))
    noise = np.concatenate([[BOS], np.random.default_rng(1).permutation(text[text != BOS])])
    assert table.nats(noise).mean() > 1.5 * table.nats(text).mean()


def test_words_that_real_text_has_new(dataset: Dataset, tmp_path: Path) -> None:
    validation = dataset.path / "val.jsonl"
    assert unseen_share(validation, frozenset()) == 1.0
    assert unseen_share(validation, words_of(validation)) == 0.0
    assert 0 < unseen_share(validation, words_of(validation) - {"the"}) < 0.5
    (tmp_path / "empty.jsonl").touch()
    assert unseen_share(tmp_path / "empty.jsonl", frozenset()) == 0.0
