"""A child imports this very tinylm, whatever lies in its folder; data files are found installed and in a checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tinylm
from tinylm.base import package


def test_a_child_imports_the_same_tinylm_and_no_room_of_it_as_a_library(tmp_path: Path) -> None:
    """`tinylm/onnx` or `tinylm/html` must never be what `import onnx` and `import html` find."""
    code = "import html, tinylm; print(html.__file__); print(tinylm.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=package.child_environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    standard, own = map(Path, done.stdout.splitlines())
    assert own.resolve() == Path(tinylm.__file__).resolve()
    assert package.PACKAGE not in standard.parents


@pytest.mark.parametrize("installed", [True, False])
def test_shipped_folders_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    inside, beside = tmp_path / "tinylm" / "budgets", tmp_path / "budgets"
    wanted = inside if installed else beside
    wanted.mkdir(parents=True)
    monkeypatch.setattr(package, "PACKAGE", tmp_path / "tinylm")
    monkeypatch.setattr(package, "ROOT", tmp_path)
    assert package.shipped_folder("budgets", checkout="budgets") == wanted
