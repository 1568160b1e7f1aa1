"""The built-in corpus as it is shipped; what its text is like is tested with its generator, in tests/scripts."""

from __future__ import annotations

import importlib.resources
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.corpus import sample
from tinylm.corpus.building import build

SHIPPED = importlib.resources.files("tinylm.corpus") / sample.FILE


def test_it_is_the_text_that_names_datasets_on_disk() -> None:
    """Another hash is another dataset: runs that were begun on this one could not be resumed."""
    assert build._content("sample") == "6f13a9c5c850eaa25465919e59eedc5ea3ea2195da794d662331b67bdc4bfae7"


def test_the_file_is_small() -> None:
    assert len(SHIPPED.read_bytes()) <= 700_000


def change_a_byte(data: bytes) -> bytes:
    return data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]


def cut(data: bytes) -> bytes:
    return data[:-1]


def other_text(data: bytes) -> bytes:
    return lzma.compress(lzma.decompress(data).replace(b"Hello", b"Hallo"), preset=0)


@pytest.mark.parametrize("spoil", [change_a_byte, cut, other_text])
def test_another_file_is_refused(
    spoil: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / sample.FILE).write_bytes(spoil(SHIPPED.read_bytes()))
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    with pytest.raises(TinylmError, match=r"is damaged: SHA-256 .*, not ") as caught:
        next(sample.read())
    assert "install tinylm again" in caught.value.hint


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    with pytest.raises(TinylmError, match=r"cannot read the sample corpus `.*sample\.jsonl\.xz`: No such file"):
        next(sample.read())
