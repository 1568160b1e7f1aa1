"""Tokens on disk: what was written is what is read, or an error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tinylm.config import TokenizerConfig
from tinylm.corpus.documents import Piece
from tinylm.errors import TinylmError
from tinylm.tokenizer import BOS, EOS, UNK, Tokenizer
from tinylm.tokenizer_training import train_tokenizer
from tinylm.tokens.encoding import write_shards
from tinylm.tokens.shards import Index, languages, open_shard, read_index

PIECES = [
    Piece("The king\nopened the door.", "en", "a", start=True, end=False),
    Piece("A 日本 queen.", "en", "a", start=False, end=True),
    Piece("El rey.", "es", "b", start=True, end=True),
]


@pytest.fixture(scope="module")
def tokenizer(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    text = (texts / "en.txt").read_text(encoding="utf-8")
    pieces = [Piece(text, "en", "a", start=True, end=True)]
    return train_tokenizer(lambda: pieces, TokenizerConfig(vocab_size=60), tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def index(tokenizer: Tokenizer, tmp_path: Path) -> Index:
    return write_shards({"train": iter(PIECES), "val-es": PIECES[2:], "val-en": PIECES[:1]}, tokenizer, tmp_path)


def test_round_trip(tokenizer: Tokenizer, index: Index, tmp_path: Path) -> None:
    assert read_index(tmp_path) == index
    assert languages(index) == ["en", "es"]
    expected: list[int] = []
    for piece in PIECES:  # BOS where reading starts; EOS only where a document ends
        expected += [BOS, *tokenizer.encode(piece.text), *([EOS] if piece.end else [])]
    tokens = open_shard(tmp_path, index, "train")
    assert tokens.dtype == np.uint16
    assert list(tokens) == expected
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 1
    assert index.shards["train"].tokens == len(expected)
    assert index.shards["train"].text_bytes == sum(len(piece.text.encode()) for piece in PIECES)
    unknown = sum(len(c.encode()) for piece in PIECES for c in piece.text if tokenizer.encode(c) == [UNK])
    assert index.shards["train"].unknown_bytes == unknown >= len("日本".encode())
    assert index.shards["val-en"].unknown_bytes == 0
    assert not list(tmp_path.glob("*.partial"))


def test_more_pieces_than_a_batch(tokenizer: Tokenizer, tmp_path: Path) -> None:
    pieces = [Piece("the " * (i % 7 + 1), "en", "a", start=True, end=True) for i in range(600)]
    index = write_shards({"train": iter(pieces)}, tokenizer, tmp_path)
    tokens = open_shard(tmp_path, index, "train")
    assert (tokens == BOS).sum() == (tokens == EOS).sum() == 600
    assert tokenizer.decode([int(i) for i in tokens]) == "".join(piece.text for piece in pieces)


def test_damaged_shards_are_refused(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "train.bin"
    data = path.read_bytes()
    path.write_bytes(data[:-2])
    with pytest.raises(TinylmError, match="does not hold the"):
        open_shard(tmp_path, index, "train")
    path.write_bytes(data[:6] + bytes([data[6] ^ 1]) + data[7:])
    with pytest.raises(TinylmError, match="does not match its SHA-256"):
        open_shard(tmp_path, index, "train")
    path.unlink()
    with pytest.raises(TinylmError, match="does not hold the"):
        open_shard(tmp_path, index, "train")


def test_ids_beyond_the_vocabulary_are_refused(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["vocab_size"] = 30
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(TinylmError, match="the vocabulary has 30"):
        open_shard(tmp_path, read_index(tmp_path), "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read"),
        ("{", "not valid JSON"),
        ('{"schema": "2.0"}', "this tinylm reads 1.x"),
        ('{"schema": "1.0", "vocab": 3}', "unknown key `vocab`"),
    ],
)
def test_damaged_indexes_are_refused(index: Index, tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "index.json"
    path.write_text(text or "", encoding="utf-8")
    if text is None:
        path.unlink()
    with pytest.raises(TinylmError, match=message):
        read_index(tmp_path)


def test_a_shard_that_the_index_does_not_know(index: Index, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="has no tokens of `val-fr`"):
        open_shard(tmp_path, index, "val-fr")


def test_an_interrupted_write_leaves_no_index(tokenizer: Tokenizer, tmp_path: Path) -> None:
    def pieces() -> object:
        yield PIECES[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards({"train": pieces()}, tokenizer, tmp_path)  # type: ignore[dict-item]
    assert not (tmp_path / "index.json").exists()
    assert not (tmp_path / "train.bin").exists()
