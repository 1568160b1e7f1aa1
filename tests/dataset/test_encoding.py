"""Encoding in parts: the same bytes whatever happens in between."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.dataset import encoding
from tinylm.dataset.encoding import write_shards
from tinylm.dataset.shards import INDEX, languages, open_documents, open_shard, read_index
from tinylm.dataset.writing import JOURNAL
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import BOS, EOS, Tokenizer

WORDS = ("the", "king", "queen", "opened", "door", "日本", "sun\n", "\n\n", " a")


def pieces_of(count: int, *, seed: int = 0) -> Iterator[Piece]:
    for i in range(count):
        text = " ".join(WORDS[(i * k + seed) % len(WORDS)] for k in range(1, 9 + i % 17))
        yield Piece(text, ("en", "es")[i % 2], f"{'ab'[i % 3 > 0]}/{i}", start=True, end=i % 5 > 0)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parts and chunks of a little text."""
    monkeypatch.setattr(encoding, "PART_BYTES", 4000)
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 700)
    monkeypatch.setattr(encoding, "_SEGMENT_CHARACTERS", 50)


def test_parts_chunks_and_threads_change_nothing(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_shards({"train": pieces_of(300)}, tokenizer, tmp_path / "whole")
    expected: list[int] = []
    for piece in pieces_of(300):
        expected += [BOS, *tokenizer.encode(piece.text), *([EOS] if piece.end else [])]
    assert list(open_shard(tmp_path / "whole", whole, "train")) == expected
    for name, value in (("PART_BYTES", 4000), ("_CHUNK_BYTES", 700), ("_SEGMENT_CHARACTERS", 50)):
        monkeypatch.setattr(encoding, name, value)
    parts = write_shards({"train": pieces_of(300)}, tokenizer, tmp_path / "parts")
    shard = parts.shards["train"]
    assert len(shard.parts) > 4
    assert len(whole.shards["train"].parts) == 1
    assert list(open_shard(tmp_path / "parts", parts, "train")) == expected
    assert shard.documents == 300
    for name in ("tokens", "text_bytes", "unknown_bytes"):
        assert getattr(shard, name) == getattr(whole.shards["train"], name)
    assert shard.unknown_bytes == sum(tokenizer.unknown_bytes(piece.text) for piece in pieces_of(300)) > 0
    documents = open_documents(tmp_path / "parts", parts, "train")
    named = [documents.sources[i] for i in documents.source]
    assert [(s.name, s.language) for s in named] == [(p.source[0], p.language) for p in pieces_of(300)]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="the king日\n ", max_size=300))
@example("\n" * 200)
@example("k" * 200)
def test_segments_are_the_text_and_their_ids_its_ids(tokenizer: Tokenizer, text: str) -> None:
    limit, encoding._SEGMENT_CHARACTERS = encoding._SEGMENT_CHARACTERS, 20
    try:
        segments = list(encoding._segments(text))
    finally:
        encoding._SEGMENT_CHARACTERS = limit
    assert "".join(segments) == text
    assert max(map(len, segments)) <= 20
    if all(segment.startswith("\n") for segment in segments[1:]):  # no line was cut
        assert [i for segment in segments for i in tokenizer.encode(segment)] == tokenizer.encode(text)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("stop", [1, 40, 250, 299])
def test_what_was_interrupted_goes_on(
    tokenizer: Tokenizer, tmp_path: Path, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> Iterator[Piece]:
        for i, piece in enumerate(pieces_of(300)):
            if i == stop:
                raise KeyboardInterrupt
            yield piece

    streams = {"val-en": list(pieces_of(90, seed=1)), "train": list(pieces_of(300)), "val-es": list(pieces_of(20))}
    write_shards(streams, tokenizer, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        write_shards({**streams, "train": interrupted()}, tokenizer, tmp_path / "parts")
    assert not (tmp_path / "parts" / INDEX).exists()
    with pytest.raises(TinylmError, match="cannot read"):
        read_index(tmp_path / "parts")
    encoded: list[str] = []
    encode = Tokenizer.encode_batch
    monkeypatch.setattr(Tokenizer, "encode_batch", lambda t, texts: encoded.extend(texts) or encode(t, texts))
    index = write_shards(streams, tokenizer, tmp_path / "parts")
    assert contents(tmp_path / "parts") == contents(tmp_path / "straight")
    assert languages(index) == ["en", "es"]
    everything = sum(len(piece.text) for pieces in streams.values() for piece in pieces)
    assert sum(map(len, encoded)) < everything - sum(len(piece.text) for piece in streams["val-en"]) + 1


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("change", ["text", "end", "tokenizer", "fewer", "journal", "files"])
def test_another_text_or_tokenizer_is_encoded_anew(
    tokenizer: Tokenizer, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> Iterator[Piece]:
        yield from pieces_of(250)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards({"train": stopped()}, tokenizer, tmp_path / "parts")
    pieces = list(pieces_of(300))
    if change == "text":
        pieces[100] = Piece("Another.", "en", "a/0", start=True, end=True)
    elif change == "end":
        pieces[100] = Piece(pieces[100].text, "en", "a/0", start=True, end=not pieces[100].end)
    elif change == "fewer":
        pieces = pieces[:60]
    elif change == "journal":
        (tmp_path / "parts" / JOURNAL).write_bytes(b'{"schema": "1.0", "ent')
    elif change == "files":
        os.truncate(tmp_path / "parts" / "train.bin", 5000)
    else:
        monkeypatch.setattr(Tokenizer, "model_bytes", lambda tokenizer: b"another")
    write_shards({"train": pieces}, tokenizer, tmp_path / "parts")
    write_shards({"train": pieces}, tokenizer, tmp_path / "straight")
    assert contents(tmp_path / "parts") == contents(tmp_path / "straight")


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.dataset import encoding
from test_encoding import pieces_of
encoding.PART_BYTES, encoding._CHUNK_BYTES, encoding._SEGMENT_CHARACTERS = 4000, 700, 50
def slow():
    for piece in pieces_of(300):
        time.sleep(0.01)
        yield piece
encoding.write_shards({"train": slow()}, Tokenizer(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.usefixtures("small_parts")
def test_killed_and_resumed_is_byte_identical(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "t.model").write_bytes(tokenizer.model_bytes())
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, str(tmp_path / "t.model"), str(folder), str(Path(__file__).parent)]
    for parts in (1, 3):  # twice: the second call goes on where the first was killed
        with subprocess.Popen(command) as child:
            until = time.monotonic() + 60
            while not (folder / JOURNAL).exists() or (folder / JOURNAL).read_text().count("text_sha256") < parts:
                assert child.poll() is None
                assert time.monotonic() < until
                time.sleep(0.01)
            child.send_signal(signal.SIGKILL)
        assert not (folder / INDEX).exists()
    write_shards({"train": pieces_of(300)}, tokenizer, folder)
    write_shards({"train": pieces_of(300)}, tokenizer, tmp_path / "straight")
    assert contents(folder) == contents(tmp_path / "straight")


@pytest.mark.usefixtures("small_parts")
def test_progress_says_how_far_how_fast_and_how_long(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinylm.base.progress.EVERY_S", 0)
    lines: list[str] = []
    total = sum(len(piece.text.encode()) for piece in pieces_of(300))
    write_shards({"train": pieces_of(300)}, tokenizer, tmp_path, total_bytes=100 * total, say=lines.append)
    assert len(lines) > 1
    assert all(re.fullmatch(r"  tokens: \d+ of \d+ MB, \d:\d\d:\d\d left, [\d.,]+ MB/s", line) for line in lines), lines
    lines.clear()
    monkeypatch.setattr("tinylm.base.progress.ProgressBar.words", lambda bar: f"{bar._done / bar._total:.0%}")
    write_shards({"train": pieces_of(300)}, tokenizer, tmp_path / "again", total_bytes=total, say=lines.append)
    assert lines == sorted(lines, key=len)
    assert lines[-1] == "  tokens: 100%"


def test_a_folder_that_cannot_be_written_is_no_traceback(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TinylmError, match="cannot make"):
        write_shards({"train": pieces_of(1)}, tokenizer, tmp_path / "file")
    (tmp_path / "train.bin").mkdir()
    with pytest.raises(TinylmError, match=r"cannot write .*train\.bin"):
        write_shards({"train": pieces_of(1)}, tokenizer, tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "train.bin").symlink_to("/dev/full")
    with pytest.raises(TinylmError, match="cannot write"):
        write_shards({"train": pieces_of(2000)}, tokenizer, tmp_path)
