"""`scripts/environment.sh` and `demo` with an interpreter that only writes down what it is asked: nothing is loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Stands in for python: `-m venv FOLDER` puts itself there, and a `tinylm` that does nothing; what is to be installed is
# logged.
INTERPRETER = """#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp /bin/true "$3/bin/tinylm" ;;
    "scripts/installation "*) echo "$*" >>"$LOG"; echo "Downloading" >&2 ;;
esac
"""
# An interpreter that is too old: what it says of itself, and that it is.
OLD = """#!/bin/sh
case "$*" in
    *print*) echo "is Python 3.9" ;;
    *) exit 1 ;;
esac
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What the scripts need of the repository, in a folder of its own."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    interpreter = tmp_path / "python"
    interpreter.write_text(INTERPRETER, encoding="utf-8")
    interpreter.chmod(0o755)
    return tmp_path


def run(repository: Path, command: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    known = {key: value for key, value in os.environ.items() if key != "VENV"}
    stand_in = {"PYTHON": str(repository / "python"), "LOG": str(repository / "log")}
    return subprocess.run(
        ["bash", "-c", command, "scripts/demo"],
        env={**known, **stand_in, **variables},
        cwd=repository,
        capture_output=True,
        text=True,
        check=check,
    )


def install(repository: Path, extras: str) -> tuple[list[str], str]:
    """What was to be installed, and stderr."""
    log = repository / "log"
    log.unlink(missing_ok=True)
    done = run(repository, f"set -euo pipefail; . scripts/environment.sh {extras}")
    assert done.stdout == ""
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else [], done.stderr


def test_it_installs_what_is_missing_once(repository: Path) -> None:
    calls, errors = install(repository, "train")
    assert calls == ["scripts/installation train"]
    assert "Downloading" in errors
    assert install(repository, "train") == ([], "")
    assert install(repository, "train dev")[0] == ["scripts/installation dev"]
    assert install(repository, "train") == ([], "")
    (repository / "constraints.txt").write_text("torch==9.9.9\n", encoding="utf-8")
    assert install(repository, "train dev")[0] == ["scripts/installation train dev"]


def test_an_installation_that_failed_is_not_taken_for_done(repository: Path) -> None:
    interpreter = repository / "python"
    interpreter.write_text(INTERPRETER.replace('echo "Downloading" >&2', "exit 2"), encoding="utf-8")
    assert run(repository, ". scripts/environment.sh train; echo on", check=False).stdout == ""
    interpreter.write_text(INTERPRETER, encoding="utf-8")
    assert install(repository, "train")[0] == ["scripts/installation train"]


@pytest.mark.parametrize(("given", "words"), [("old", "is Python 3.9"), ("absent", "cannot be started")])
def test_a_python_that_is_too_old_or_not_there_is_refused(repository: Path, given: str, words: str) -> None:
    (repository / "old").write_text(OLD, encoding="utf-8")
    (repository / "old").chmod(0o755)
    python = str(repository / given)
    done = run(repository, "scripts/demo", check=False, PYTHON=python)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: `{python}` {words}; tinylm needs Python 3.11 or newer\n\nhint: ")
    assert "PYTHON=python3.1" in done.stderr
    assert not (repository / ".venv").exists()


@pytest.mark.parametrize(("option", "folder"), [("--quick", "runs/demo-2-minutes "), ("", "runs/demo-7-minutes ")])
def test_the_demo_names_one_folder_from_start_to_end(repository: Path, option: str, folder: str) -> None:
    done = run(repository, f"scripts/demo {option}")
    assert f"the run     {folder}" in done.stdout
    assert max(map(len, done.stdout.partition("== done")[2].splitlines())) <= 80
    assert f"tinylm generate {folder}" in done.stdout
    assert "1 minutes" not in done.stdout
    assert "Downloading" in done.stderr
