"""A file is the old one or the new one, never half of either."""

from __future__ import annotations

import hashlib
import os
import resource
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256, sha256_bytes, write_atomic


def test_write_and_replace(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    for data in (b"first", b"", b"second" * 99999):
        write_atomic(path, data)
        assert path.read_bytes() == data
        assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(TinylmError, match=r"cannot write .*file`: File too large") as caught:
            write_atomic(path, b"new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "disk space" in caught.value.hint
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_parent_that_is_a_file_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for path in (tmp_path / "file" / "a", tmp_path / "file" / "b" / "a"):
        with pytest.raises(TinylmError, match="cannot write"):
            write_atomic(path, b"")


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 200_000])
def test_sha256(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    assert sha256(tmp_path / "file") == sha256_bytes(data) == hashlib.sha256(data).hexdigest()
