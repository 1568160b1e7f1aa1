"""A small tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinylm.settings.run import TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.tokenizer.training import train_tokenizer


@pytest.fixture(scope="session")
def tokenizer(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    text = (texts / "en.txt").read_text(encoding="utf-8")
    pieces = [Piece(text, "en", "a", start=True, end=True)]
    return train_tokenizer(lambda: pieces, TokenizerConfig(vocab_size=60), tmp_path_factory.mktemp("tokenizer"))
