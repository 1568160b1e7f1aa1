"""The token: made once, whole, for its owner alone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.serve.token_file import read_or_make, read_token


def test_servers_that_start_together_have_one_token(tmp_path: Path) -> None:
    path, found = tmp_path / "new" / "token", set()
    threads = [threading.Thread(target=lambda: found.add(read_or_make(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (token,) = found
    assert len(token) >= 40
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_token_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text("a" * 40)
    path.chmod(mode)
    with pytest.raises(TinylmError, match=f"others on this machine can read .* {mode:03o}"):
        read_token(path)


@pytest.mark.parametrize("text", ["", "short", "a b" * 20, "a" * 600, "ñ" * 30, "a" * 20 + "\n" + "b" * 20])
def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(TinylmError, match="holds no token"):
        read_token(path)


def test_a_token_that_cannot_be_read_or_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="cannot read"):
        read_token(tmp_path / "nothing")
    (tmp_path / "file").touch()
    with pytest.raises(TinylmError, match="cannot make"):
        read_or_make(tmp_path / "file" / "token")
    with pytest.raises(TinylmError):
        read_token(tmp_path)
