"""Tokens on disk: what was written is what is read, or an error."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinylm.base.errors import TinylmError
from tinylm.dataset.encoding import write_shards
from tinylm.dataset.shards import (
    DOCUMENT,
    Index,
    Shard,
    drop_pages,
    languages,
    open_documents,
    open_shard,
    read_index,
    token_dtype,
)
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import BOS, EOS, UNK, Tokenizer

PIECES = [
    Piece("The king\nopened the door.", "en", "a", start=True, end=False),
    Piece("A 日本 queen.", "en", "a", start=False, end=True),
    Piece("El rey.", "es", "b", start=True, end=True),
]


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
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".bin"] * 3 + [".documents"] * 3 + [".json"]


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
        ('{"schema": "1.0"}', "this tinylm reads 2.x"),
        ('{"schema": "2.0", "vocab": 3}', "unknown key `vocab`"),
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


def test_the_documents_table(index: Index, tokenizer: Tokenizer, tmp_path: Path) -> None:
    documents = open_documents(tmp_path, index, "train")
    tokens = open_shard(tmp_path, index, "train")
    np.testing.assert_array_equal(documents.start, np.flatnonzero(tokens == BOS))
    assert [(documents.sources[i].name, documents.sources[i].language) for i in documents.source] == [
        ("a", "en"),
        ("a", "en"),
        ("b", "es"),
    ]
    assert index.shards["train"].documents == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "does not hold the 3 documents"),
        (lambda data: data[:-1] + b"\7", "does not match its SHA-256"),
    ],
)
def test_damaged_documents_are_refused(
    index: Index, tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / "train.documents"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(TinylmError, match=message):
        open_documents(tmp_path, index, "train")


@pytest.mark.parametrize(
    ("start", "source", "message"),
    [
        ([0, 9, 9], [0, 0, 0], "out of order"),
        ([1, 5, 9], [0, 0, 0], "out of order"),
        ([0, 5, 2**40], [0, 0, 0], "beyond"),
        ([0, 5, 9], [0, 2, 0], "names source 2 of 2"),
    ],
)
def test_documents_that_cannot_be_are_refused_whatever_their_hash(
    index: Index, tmp_path: Path, start: list[int], source: list[int], message: str
) -> None:
    table = np.zeros(3, DOCUMENT)
    table["start"], table["source"] = start, source
    (tmp_path / "train.documents").write_bytes(table.tobytes())
    part = dataclasses.replace(
        index.shards["train"].parts[0], documents_sha256=hashlib.sha256(table.tobytes()).hexdigest()
    )
    forged = dataclasses.replace(index, shards={"train": Shard(parts=(part,))})
    with pytest.raises(TinylmError, match=message):
        open_documents(tmp_path, forged, "train")


def test_pages_that_are_dropped_are_read_again(index: Index, tmp_path: Path) -> None:
    tokens = open_shard(tmp_path, index, "train")
    before = tokens.copy()
    drop_pages(tokens)
    np.testing.assert_array_equal(tokens, before)
    drop_pages(before)  # nothing is mapped: nothing happens


@pytest.mark.parametrize(("vocab_size", "dtype"), [(16, "uint16"), (65536, "uint16"), (65537, "uint32")])
def test_ids_are_as_wide_as_they_must_be(vocab_size: int, dtype: str) -> None:
    assert token_dtype(vocab_size) == dtype
