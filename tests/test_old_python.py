"""A Python that is too old is told so: the files that it reads first hold nothing that it cannot read."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READ_FIRST = ("setup.py", "tinylm/__init__.py", "tinylm/__main__.py")
# As the interpreter would be if it were older: the version is what the files ask for.
PRETEND = "import runpy, sys; sys.version_info = (3, 9, 2); sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"


@pytest.mark.parametrize("name", READ_FIRST)
def test_what_an_old_python_reads_first_has_an_old_syntax(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 6))
    assert "from __future__" not in text  # which 3.6 does not know the parts of


@pytest.mark.parametrize("name", ["setup.py", "tinylm/__main__.py"])
def test_an_old_python_is_told_its_version_and_what_to_do(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRETEND, str(ROOT / name), "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: this is Python 3.9; tinylm needs Python 3.11 or newer\n\nhint: ")


def _old_pythons() -> list[str]:
    """Real ones, where this machine has any: on PATH, or made by pyenv."""
    found = [shutil.which(f"python3.{minor}") for minor in (7, 8, 9, 10)]
    made = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python"))
    names = [name for name in found if name] + [str(path) for path in made]
    asked = "import sys; sys.exit(not (3, 6) <= sys.version_info < (3, 11))"
    return [name for name in names if subprocess.run([name, "-c", asked], capture_output=True).returncode == 0]


def test_a_real_old_python_says_it(tmp_path: Path) -> None:
    pythons = _old_pythons()
    if not pythons:
        pytest.skip("no Python 3.6 to 3.10 here: install one, such as python3.9")
    for python in pythons:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [python, "-m", "tinylm"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, python
        assert "tinylm needs Python 3.11 or newer" in done.stderr
