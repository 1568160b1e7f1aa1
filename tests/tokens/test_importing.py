"""Token files from elsewhere become the shards that encoding would have made."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinylm.corpus.documents import Piece
from tinylm.errors import TinylmError
from tinylm.tokenizer import BOS, EOS, PAD, UNK, Tokenizer
from tinylm.tokens import importing
from tinylm.tokens.encoding import write_shards
from tinylm.tokens.importing import import_tokens
from tinylm.tokens.shards import open_documents, open_shard, read_index

TEXTS = ["The king opened the door.", "A queen.", "the sun\n" * 30]


def written(path: Path, ids: list[int], dtype: str) -> Path:
    """`ids` in the file's format."""
    array = np.array(ids, dtype)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        path.write_bytes(array.tobytes())
    return path


@pytest.mark.parametrize(("name", "dtype"), [("a.bin", "<u2"), ("a.npy", "<i8"), ("a.npy", ">u4"), ("a.npy", "u1")])
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("bos", [True, False])
def test_the_same_as_encoding_the_text(
    tokenizer: Tokenizer, tmp_path: Path, name: str, dtype: str, block: int, bos: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_BLOCK_TOKENS", block)
    ids = [i for text in TEXTS for i in [*([BOS] if bos else []), *tokenizer.encode(text), EOS, *([PAD] * 3)]]
    path = written(tmp_path / name, ids, dtype)
    index = import_tokens({"train": [path], "val-en": [path, path]}, tokenizer, tmp_path / "imported")
    pieces = [Piece(text, "und", "a", start=True, end=True) for text in TEXTS]
    direct = write_shards({"train": pieces}, tokenizer, tmp_path / "direct")
    assert read_index(tmp_path / "imported") == index
    np.testing.assert_array_equal(
        open_shard(tmp_path / "imported", index, "train"), open_shard(tmp_path / "direct", direct, "train")
    )
    shard, expected = index.shards["train"], direct.shards["train"]
    for field in ("tokens", "documents", "text_bytes", "unknown_bytes"):
        assert getattr(shard, field) == getattr(expected, field), field
        assert getattr(index.shards["val-en"], field) == 2 * getattr(expected, field), field
    documents = open_documents(tmp_path / "imported", index, "train")
    np.testing.assert_array_equal(documents.start, open_documents(tmp_path / "direct", direct, "train").start)
    assert [(s.name, s.language) for s in index.sources] == [("a", "und"), ("a", "en")]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.integers(0, 9), min_size=1, max_size=40).filter(lambda ids: set(ids) - {PAD}))
def test_any_ids_keep_their_order_and_every_document_begins_with_bos(
    tokenizer: Tokenizer, tmp_path: Path, ids: list[int]
) -> None:
    index = import_tokens({"train": [written(tmp_path / "a.npy", ids, "u2")]}, tokenizer, tmp_path / "out")
    tokens = open_shard(tmp_path / "out", index, "train").tolist()
    assert [i for i in tokens if i != BOS] == [i for i in ids if i not in (BOS, PAD)]
    assert tokens[0] == BOS
    assert all(after == BOS for before, after in itertools.pairwise(tokens) if before == EOS)
    assert index.shards["train"].unknown_bytes == 3 * tokens.count(UNK)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.bin", b"\1\0\2", "3 bytes: no whole number of uint16"),
        ("a.bin", b"", "is empty"),
        ("a.bin", b"\xff\xff", "holds id 65535; the tokenizer has 60"),
        ("a.txt", b"1 2", "no file of tokens"),
        ("a.npy", b"\x93NUMPY", "no whole NumPy array"),
        ("a.npy", b"", "no whole NumPy array"),
        ("a.npy", np.zeros((2, 2), int), r"int64 of shape \(2, 2\)"),
        ("a.npy", np.zeros(2), "float64"),
        ("a.npy", np.array([4, -1]), "holds id -1"),
        ("a.npy", np.array([{}], object), "no whole NumPy array"),
        ("a.npy", None, "cannot read"),
    ],
)
def test_what_is_not_tokens_is_refused(
    tokenizer: Tokenizer, tmp_path: Path, name: str, content: Any, message: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(TinylmError, match=message) as caught:
        import_tokens({"train": [path]}, tokenizer, tmp_path / "out")
    assert caught.value.hint
    assert not (tmp_path / "out" / "index.json").exists()
