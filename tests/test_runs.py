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


def make(name: str, time: int, *, checkpoints: tuple[str, ...] = (), bundle: bool = False) -> Path:
    run = Path("runs") / name
    marks = [run / "config.toml", *(run / "checkpoints" / name / "checkpoint.json" for name in checkpoints)]
    marks += [run / "bundle" / "manifest.json"] if bundle else []
    for mark in marks:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        os.utime(mark, (time, time))
    return run


def test_the_latest_run_is_the_latest_that_has_what_is_needed() -> None:
    """Ctrl-C before the first checkpoint leaves a run that can be resumed, and nothing else."""
    whole = make("whole", 1000, checkpoints=("best", "last"), bundle=True)
    trained, begun = make("trained", 2000, checkpoints=("best", "last")), make("begun", 3000, checkpoints=("last",))
    stopped = make("stopped", 4000)
    (Path("runs") / "stray").mkdir()
    assert find_run(None) == stopped
    assert find_run(None, checkpoint="best") == trained
    assert find_run(None, checkpoint="last") == begun
    assert find_bundle(None) == whole / "bundle"
    for run in (whole, stopped):
        assert find_run(run) == find_run(run, checkpoint="best") == run, "what is named is what is meant"
    assert find_bundle(whole) == find_bundle(whole / "bundle") == whole / "bundle"


def test_only_runs_without_it() -> None:
    make("old", 1000)
    new = make("new", 2000, checkpoints=("last",))
    finish = f"finish it with `tinylm train-pipeline --resume --output-dir {new}`"
    for find, message in (
        (lambda: find_run(None, checkpoint="best"), "no run in `runs/` has a checkpoint `best`"),
        (lambda: find_bundle(None), "no bundle is named, and no run in `runs/` has one"),
        (lambda: find_bundle(new), "the run `runs/new` has no bundle yet"),
    ):
        with pytest.raises(TinylmError) as caught:
            find()
        assert (caught.value.message, caught.value.hint) == (message, finish)


def test_nothing_there() -> None:
    for find in (find_run, find_bundle):
        with pytest.raises(TinylmError) as caught:
            find(None)
        assert caught.value.hint == "start a run with `tinylm train-pipeline`"
    with pytest.raises(TinylmError, match="`elsewhere` is no run folder"):
        find_run(Path("elsewhere"))
    assert find_bundle(Path("anywhere")) == Path("anywhere")  # open_bundle says what is wrong with it
