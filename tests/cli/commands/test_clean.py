"""`tinylm clean` and `tinylm runs` as a person meets them: tables, the question, and nothing without an answer."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "60")
    for name in ("stray", "wanted"):
        (tmp_path / "datasets" / name).mkdir(parents=True)
        (tmp_path / "datasets" / name / "tokens").write_bytes(b"x" * 2_500_000)
    (tmp_path / "runs" / "a-run-with-a-name-that-is-longer-than-sixty-columns-of-a-terminal").mkdir(parents=True)
    for config in (tmp_path / "runs").iterdir():
        (config / "config.toml").write_text('dataset = "wanted"\n')
    return tmp_path


def answered(answer: str, *arguments: str) -> tuple[int, str]:
    """Run `tinylm clean` with a terminal as its standard input, on which `answer` is typed."""
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    done = subprocess.run(
        [sys.executable, "-m", "tinylm", "clean", *arguments], stdin=theirs, capture_output=True, text=True, check=False
    )
    os.close(ours)
    os.close(theirs)
    return done.returncode, done.stdout + done.stderr


def test_a_dry_run_frees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("clean", "--dry-run") == 0
    out = capsys.readouterr().out
    assert "datasets of no run in `runs/`: 2.5 MB" in out
    assert "      2.5 MB  datasets/stray\n" in out
    assert "datasets/wanted: needed by runs/a-run-with-a-name-that-is-longer-than-sixty-columns-of-a-terminal\n" in out
    assert Path("datasets/stray/tokens").is_file()


def test_without_a_terminal_nothing_is_freed_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("clean") == 2
    assert "error: nothing was freed: there is no terminal to ask on\n\nhint: --yes frees it" in capsys.readouterr().err
    assert Path("datasets/stray/tokens").is_file()
    assert run("clean", "caches", "--yes") == 0
    assert capsys.readouterr().out == "nothing to free\n"
    assert run("clean", "datasets", "--yes") == 0
    assert capsys.readouterr().out.endswith("freed 2.5 MB\n")
    assert [path.name for path in Path("datasets").iterdir()] == ["wanted"]


@pytest.mark.parametrize(("answer", "freed"), [("y\n", "2.5"), ("YES\n", "2.5"), ("n\n", "0.0"), ("\n", "0.0")])
def test_the_answer_decides(answer: str, freed: str) -> None:
    code, text = answered(answer)
    assert code == 0
    assert "free 2.5 MB of datasets? [y/N] " in text
    assert f"freed {freed} MB" in text
    assert Path("datasets/stray").exists() == (freed == "0.0")


def test_the_end_of_input_is_no_yes() -> None:
    assert answered("\x04")[0] == 0
    assert Path("datasets/stray/tokens").is_file()


def test_what_is_unknown_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("clean", "runs") == 2
    assert "`datasets`, `checkpoints`, `images`, `caches`" in capsys.readouterr().err


def test_runs_shows_whole_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name = "runs/a-run-with-a-name-that-is-longer-than-sixty-columns-of-a-terminal"
    assert run("runs") == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first == name
    assert max(map(len, others)) <= 60
    assert "not finished" in " ".join(others)
    assert run("runs", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["folder"], [item["path"] for item in document["items"]]) == (str(tmp_path / "runs"), [name])


def test_no_runs_names_the_folder_that_was_looked_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert run("runs") == 0
    assert capsys.readouterr().err.startswith(f"nothing yet in `{tmp_path / 'empty' / 'runs'}`: start a run with")
