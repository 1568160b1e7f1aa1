"""The counter is compiled once, by whichever compiler there is."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.emulation.counter import counter_library


def test_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    library = counter_library()
    assert library.read_bytes()[:4] == b"\x7fELF"
    os.utime(library, (0, 0))
    assert counter_library() == library
    assert library.stat().st_mtime == 0
    assert [file.name for file in library.parent.iterdir()] == [library.name]


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TinylmError, match="no C compiler is installed") as caught:
        counter_library()
    assert caught.value.exit_code == 3


def test_a_source_that_does_not_compile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "counter.c").write_text("int x = ;")
    monkeypatch.setattr("tinylm.emulation.counter.SOURCE", tmp_path / "counter.c")
    with pytest.raises(TinylmError, match="cannot be compiled"):
        counter_library()
