"""`scripts/environment.sh` and `demo` with an interpreter that only writes down what it is asked: nothing is loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Stands in for python: `-m venv FOLDER` puts itself there, and a `tinylm` that does nothing; `-m pip` is logged; what
# torch was built for is `$CUDA`.
INTERPRETER = """#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp /bin/true "$3/bin/tinylm" ;;
    "-m pip "*) echo "$*" >>"$LOG"; echo "Downloading" ;;
    *"import torch"*) echo "$CUDA" ;;
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


def run(repository: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    known = {key: value for key, value in os.environ.items() if key not in ("TORCH_INDEX_URL", "VENV")}
    stand_in = {"PYTHON": str(repository / "python"), "LOG": str(repository / "log"), "CUDA": ""}
    return subprocess.run(
        ["bash", "-c", command, "scripts/demo"],
        env={**known, **stand_in, **variables},
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )


def install(repository: Path, **variables: str) -> tuple[list[str], str]:
    """The calls of pip, and stderr."""
    log = repository / "log"
    log.unlink(missing_ok=True)
    done = run(repository, "set -euo pipefail; . scripts/environment.sh", **variables)
    assert done.stdout == ""
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else [], done.stderr


def test_it_installs_once_and_says_what_it_does(repository: Path) -> None:
    calls, errors = install(repository)
    assert [call.split()[-1] for call in calls] == ["torch", ".[train,dev]"]
    assert all("-c constraints.txt" in call and "--quiet" not in call for call in calls)
    assert not any("--index-url" in call for call in calls)
    assert errors.count("Downloading") == 2
    assert "warning" not in errors
    assert install(repository) == ([], "")


def test_torch_alone_comes_from_the_index_that_is_named(repository: Path) -> None:
    calls, _ = install(repository, TORCH_INDEX_URL="https://wheels.invalid/cpu")
    assert calls[0].endswith(" --index-url https://wheels.invalid/cpu torch")
    assert "--index-url" not in calls[1]


def test_a_torch_for_a_gpu_that_is_not_there_is_a_warning_with_a_remedy(repository: Path) -> None:
    _, errors = install(repository, CUDA="CUDA")
    warning, _, hint = errors.partition("warning: ")[2].partition("\n\nhint: ")
    assert "built for CUDA" in warning
    assert "TORCH_INDEX_URL" in hint
    assert "remove " in hint


@pytest.mark.parametrize(("option", "folder"), [("--quick", "runs/demo-1-minute "), ("", "runs/demo-7-minutes ")])
def test_the_demo_names_one_folder_from_start_to_end(repository: Path, option: str, folder: str) -> None:
    done = run(repository, f"scripts/demo {option}")
    assert f"the run        {folder}" in done.stdout
    assert f"tinylm generate {folder}" in done.stdout
    assert "1 minutes" not in done.stdout
    assert "Downloading" in done.stderr
