"""What a command works on when it is told, and when it is not."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.store import RUNS, find_bundle, find_run


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
        (lambda: find_run(None, checkpoint="best"), f"no run in `{RUNS.absolute()}` has a checkpoint `best`"),
        (lambda: find_bundle(None), f"no bundle is named, and no run in `{RUNS.absolute()}` has one"),
        (lambda: find_bundle(new), "the run `runs/new` has no bundle yet"),
    ):
        with pytest.raises(TinylmError) as caught:
            find()
        assert (caught.value.message, caught.value.hint) == (message, finish)


def test_nothing_there() -> None:
    for find in (find_run, find_bundle):
        with pytest.raises(TinylmError) as caught:
            find(None)
        assert f"`{Path.cwd()}/runs`" in caught.value.message, "the folder that was looked in is named"
        assert caught.value.hint.startswith("start a run with `tinylm train-pipeline`")
    with pytest.raises(TinylmError, match="`elsewhere` is no run folder"):
        find_run(Path("elsewhere"))
    with pytest.raises(TinylmError) as caught:
        find_bundle(Path("anywhere"))
    assert caught.value.message == f"no bundle at `anywhere` in `{Path.cwd()}`"


def test_where_nothing_can_be_trained_a_model_comes_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TinylmError) as caught:
        find_bundle(None)
    assert "tinylm deploy" in caught.value.hint
    assert "train-pipeline" not in caught.value.hint


def test_a_link_to_a_bundle_that_has_gone_says_how_to_put_it_right(tmp_path: Path) -> None:
    """As on a board, where `current` links to the last release that passed; the hint's command is really run."""
    home = tmp_path / "a board's home"
    (home / "releases").mkdir(parents=True)
    current = home / "current"
    current.symlink_to("releases/gone")
    with pytest.raises(TinylmError, match="is a link to `releases/gone`, which is not there") as caught:
        find_bundle(current)
    assert caught.value.hint.startswith("deploy a bundle again with `tinylm deploy`")
    for time, name in enumerate(("newer", "older")):
        manifest = home / "releases" / name / "manifest.json"
        manifest.parent.mkdir()
        manifest.touch()
        os.utime(manifest, (2000 - time, 2000 - time))
    with pytest.raises(TinylmError) as caught:
        find_bundle(current)
    command = caught.value.hint.removeprefix("point it to a bundle that is there: ").partition("; or ")[0]
    subprocess.run(command, shell=True, check=True)
    assert find_bundle(current).resolve() == home / "releases" / "newer"
