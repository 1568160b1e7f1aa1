"""Broken libraries are found and removed, whole ones and running trainings are left alone."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import numpy as np
import pytest

from tinylm.training.tuning import compiler_cache
from tinylm.training.tuning.compiler_cache import FOLDER, is_whole, prepare_cache, remove_broken


@pytest.fixture
def library() -> Path:
    """A real shared library: one that numpy brings."""
    return next(Path(np.__file__).parent.rglob("*.so"))


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(compiler_cache, "_held", [])
    monkeypatch.setenv(FOLDER, "removed below, and restored after the test")
    monkeypatch.delenv(FOLDER)


@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.5, 0.999])
def test_a_library_cut_short_is_removed_and_a_whole_one_stays(library: Path, tmp_path: Path, kept: float) -> None:
    raw = library.read_bytes()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "broken.so").write_bytes(raw[: int(len(raw) * kept)])
    shutil.copyfile(library, tmp_path / "a" / "whole.so")
    (tmp_path / "a" / "source.cpp").write_bytes(b"")
    assert is_whole(tmp_path / "a" / "whole.so")
    assert remove_broken(tmp_path) == 1
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"whole.so", "source.cpp"}


def test_the_folder_is_repaired_unless_another_training_uses_it() -> None:
    folder = prepare_cache()
    assert folder.parent.name == "tinylm"
    compiler_cache._held.pop().close()
    broken = folder / "broken.so"
    broken.touch()
    with (folder / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        prepare_cache()
        assert broken.exists(), "the other may be writing it"
    compiler_cache._held.pop().close()
    prepare_cache()
    assert not broken.exists()
    compiler_cache._held.pop().close()


def test_a_folder_that_the_user_names_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "mine"))
    assert prepare_cache() == tmp_path / "mine"
    compiler_cache._held.pop().close()
