"""Sizes without links, and locks that say who works where."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tinylm.housekeeping.disk import folders_in, held, in_use, size_of


def test_links_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "large").write_bytes(b"x" * 50_000)
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "small").write_bytes(b"x" * 100)
    (folder / "link").symlink_to(elsewhere)
    (folder / "file-link").symlink_to(elsewhere / "large")
    (folder / "nowhere").symlink_to("gone")
    assert size_of(folder / "below") == 100
    assert 100 <= size_of(folder) < 1000
    assert size_of(elsewhere / "large") == 50_000
    assert size_of(folder / "link") < 1000
    assert folders_in(folder) == [folder / "below"]
    assert folders_in(folder / "link") == folders_in(tmp_path / "none") == []


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    assert not in_use(lock)
    assert not lock.exists()
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert in_use(lock)
    with held(lock) as free:
        assert free
        assert in_use(lock)
    assert not in_use(lock)
