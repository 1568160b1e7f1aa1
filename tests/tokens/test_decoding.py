"""Token files from elsewhere become the text that they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinylm.corpus.files import read
from tinylm.corpus.statistics import Dropped
from tinylm.errors import TinylmError
from tinylm.tokenizer import BOS, EOS, PAD, Tokenizer
from tinylm.tokens import decoding
from tinylm.tokens.decoding import as_text, decode_file

TEXTS = ["The king opened the door.", "A queen.", "the sun\n" * 30]


def written(path: Path, ids: Sequence[int], dtype: str) -> Path:
    """`ids` in the file's format."""
    array = np.array(ids, dtype)
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        path.write_bytes(array.tobytes())
    return path


def documents(path: Path) -> list[str]:
    """What is read of a text file, as cleaning would leave its ends."""
    found = (document.text.strip() for document in read(str(path), dropped=Dropped()))
    return [text for text in found if text]


@pytest.mark.parametrize(("name", "dtype"), [("a.bin", "<u2"), ("a.npy", "<i8"), ("a.npy", ">u4"), ("a.npy", "u1")])
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("marks", [(BOS, EOS), (BOS,), (EOS,)])
def test_the_text_comes_back(
    tokenizer: Tokenizer,
    tmp_path: Path,
    name: str,
    dtype: str,
    block: int,
    marks: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "_BLOCK_TOKENS", block)
    ids: list[int] = []
    for text in TEXTS:
        ids += [BOS] * (BOS in marks) + tokenizer.encode(text) + [EOS] * (EOS in marks) + [PAD] * 3
    decode_file(written(tmp_path / name, ids, dtype), tokenizer, tmp_path / "out.txt")
    assert documents(tmp_path / "out.txt") == [text.strip() for text in TEXTS]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.lists(st.integers(0, 59), min_size=1, max_size=60), block=st.integers(1, 9))
def test_blocks_of_any_size_give_the_same_text(
    tokenizer: Tokenizer, tmp_path: Path, ids: list[int], block: int
) -> None:
    path = written(tmp_path / "a.npy", ids, "u2")
    decode_file(path, tokenizer, tmp_path / "whole.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_BLOCK_TOKENS", block)
        decode_file(path, tokenizer, tmp_path / "blocks.txt")
    assert (tmp_path / "blocks.txt").read_bytes() == (tmp_path / "whole.txt").read_bytes()


def test_bytes_of_a_character_stay_together(
    bytewise: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "日本 the king 日"
    ids = bytewise.encode(text)
    assert any(bytewise.is_byte(token) for token in ids)
    for block in range(1, 6):
        monkeypatch.setattr(decoding, "_BLOCK_TOKENS", block)
        decode_file(written(tmp_path / "a.bin", ids, "<u2"), bytewise, tmp_path / "out.txt")
        assert (tmp_path / "out.txt").read_text(encoding="utf-8") == text


def test_only_token_files_are_replaced_and_nothing_is_left(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = written(tmp_path / "a.bin", tokenizer.encode("the king"), "<u2")
    folder, lines = tmp_path / "datasets", []
    with as_text([f"en:{path}", "sample", "es:notes.txt"], tokenizer, folder, progress=lines.append) as sources:
        first, *rest = sources
        assert rest == ["sample", "es:notes.txt"]
        assert first.startswith("en:")
        assert Path(first.removeprefix("en:")).name == "a.bin"
        assert documents(Path(first.removeprefix("en:"))) == ["the king"]
    assert not list(folder.iterdir())
    assert len(lines) == 1
    with (
        pytest.raises(TinylmError, match="nothing says of which tokenizer"),
        as_text([str(path)], None, folder, progress=lines.append),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.bin", b"\1\0\2", "3 bytes: no whole number of uint16"),
        ("a.bin", b"", "is empty"),
        ("a.bin", b"\xff\xff", "holds id 65535; the tokenizer has 60"),
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
        decode_file(path, tokenizer, tmp_path / "out.txt")
    assert caught.value.hint
