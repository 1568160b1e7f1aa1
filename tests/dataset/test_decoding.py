"""Token files from elsewhere become the text that they were made of."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentencepiece_models import learned_model

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading.files import read
from tinylm.corpus.statistics import Dropped
from tinylm.dataset import decoding
from tinylm.dataset.decoding import as_text, decode_file
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

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
@given(
    ids=st.lists(st.integers(0, 59), min_size=1, max_size=60).filter(lambda ids: set(ids) - {BOS, EOS, PAD}),
    block=st.integers(1, 9),
)
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
    folder = tmp_path / "datasets"
    with as_text([f"en:{path}", "sample", "es:notes.txt"], tokenizer, folder, progress=print) as sources:
        first, *rest = sources
        assert rest == ["sample", "es:notes.txt"]
        assert first.startswith("en:")
        assert Path(first.removeprefix("en:")).name == "a.bin"
        assert documents(Path(first.removeprefix("en:"))) == ["the king"]
    assert not list(folder.iterdir())
    with (
        pytest.raises(TinylmError, match="nothing says of which tokenizer"),
        as_text([str(path)], None, folder, progress=print),
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
        ("a.npy", b"PK\3\4 archive", "no whole NumPy array"),
        ("a.npy", b"\x93NUMPY\1\0\x08\0{'descr\n", "no whole NumPy array"),
        ("a.npy", None, "does not exist"),
        ("a.bin", np.array([5, 9, 11] * 9, "<u4").tobytes(), "it holds 32-bit ids"),
        ("a.bin", bytes([BOS, 0, EOS, 0, PAD, 0]), "holds no text"),
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


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["a.npy", "a.bin"])
def test_what_is_no_file_is_left_to_who_reads_text(tokenizer: Tokenizer, tmp_path: Path, name: str) -> None:
    """A pipe would keep its reader waiting; a missing file may be a misspelt language."""
    with as_text([str(tmp_path / name)], None, tmp_path, progress=print) as (source,):
        assert source == str(tmp_path / name)
    os.mkfifo(tmp_path / name)
    with (
        as_text([str(tmp_path / name)], tokenizer, tmp_path, progress=print) as (source,),
        pytest.raises(TinylmError, match="is not a regular file"),
    ):
        list(read(source, dropped=Dropped()))


def test_what_has_no_piece_stays_unknown(tokenizer: Tokenizer, tmp_path: Path) -> None:
    ids = tokenizer.encode("the 日本 king")
    assert ids.count(UNK) == 1
    decode_file(written(tmp_path / "a.bin", ids, "<u2"), tokenizer, tmp_path / "out.txt")
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert text == "the \ufffd king"
    assert tokenizer.encode(text) == ids


def test_the_language_of_the_folder_is_kept(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "es").mkdir()
    path = written(tmp_path / "es" / "a.bin", tokenizer.encode("the king"), "<u2")
    with as_text([str(path)], tokenizer, tmp_path / "datasets", progress=print) as (source,):
        (document,) = read(source, dropped=Dropped())
        assert (document.language, document.source) == ("es", "a.bin")


def test_the_text_of_a_killed_process_goes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    mine, gone = tmp_path / f".tokens-{os.getpid()}-x", tmp_path / f".tokens-{process.pid}-x"
    for folder in (mine, gone):
        folder.mkdir()
    path = written(tmp_path / "a.bin", tokenizer.encode("the king"), "<u2")
    with as_text([str(path)], tokenizer, tmp_path, progress=print):
        assert mine.is_dir()
        assert not gone.exists()
    path.rename(tmp_path / "b.bin")
    with (
        pytest.raises(TinylmError, match="cannot write in"),
        as_text([str(tmp_path / "b.bin")], tokenizer, tmp_path / "b.bin", progress=print),
    ):
        pass


def test_symbols_that_stand_for_no_text_are_refused(tmp_path: Path) -> None:
    """Decoding would drop them without a word."""
    model = learned_model(tmp_path / "a.model", control_symbols=["<sep>"], user_defined_symbols=["\n", "<br>"])
    tokenizer = Tokenizer(model)
    names = [piece for piece, _ in tokenizer.pieces()]
    sep, line = names.index("<sep>"), names.index("<br>")
    ids = tokenizer.encode("the king")
    decode_file(written(tmp_path / "a.bin", [*ids, line, *ids], "<u2"), tokenizer, tmp_path / "out.txt")
    assert documents(tmp_path / "out.txt") == ["the king<br>the king"]
    with pytest.raises(TinylmError, match=f"holds id {sep}, the symbol `<sep>`, which stands for no text"):
        decode_file(written(tmp_path / "b.bin", [*ids, sep, *ids], "<u2"), tokenizer, tmp_path / "out.txt")
