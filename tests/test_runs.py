"""What a command works on when it is told, and when it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinylm.errors import TinylmError
from tinylm.runs import find_bundle, find_run


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(name: str, time: int, *, bundle: bool = False) -> Path:
    run = Path("runs") / name
    (run / "bundle").mkdir(parents=True)
    marks = [run / "config.toml", *([run / "bundle" / "manifest.json"] if bundle else [])]
    for mark in marks:
        mark.touch()
        os.utime(mark, (time, time))
    return run


def test_the_latest_run_and_the_latest_bundle() -> None:
    old, new = make("old", 1000, bundle=True), make("new", 2000)
    (Path("runs") / "stray").mkdir()
    assert find_run(None) == new
    assert find_run(old) == old
    assert find_bundle(None) == old / "bundle"
    assert find_bundle(old) == find_bundle(old / "bundle") == old / "bundle"
    with pytest.raises(TinylmError, match="has no bundle yet") as caught:
        find_bundle(new)
    assert f"tinylm export {new}" in caught.value.hint


def test_nothing_there() -> None:
    for find in (find_run, find_bundle):
        with pytest.raises(TinylmError) as caught:
            find(None)
        assert "tinylm train-pipeline" in caught.value.hint
    with pytest.raises(TinylmError, match="`elsewhere` is no run folder"):
        find_run(Path("elsewhere"))
    assert find_bundle(Path("anywhere")) == Path("anywhere")  # open_bundle says what is wrong with it
