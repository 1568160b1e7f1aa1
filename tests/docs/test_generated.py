"""The generated parts of the docs are current, and `scripts/docs` says and mends what is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def docs(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "docs"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_generated_docs_are_current() -> None:
    done = docs(ROOT, "--check")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_what_is_out_of_date_is_named_and_written(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "docs", tmp_path / "scripts")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = tmp_path / "docs" / "commands.md"
    current = page.read_text(encoding="utf-8")
    page.write_text(current.replace("--max-tokens", "--most-tokens"), encoding="utf-8")
    done = docs(tmp_path, "--check")
    assert (done.returncode, done.stdout) == (1, "out of date: docs/commands.md\n")
    assert "hint: run scripts/docs" in done.stderr
    assert docs(tmp_path).stdout == "written: docs/commands.md\n"
    assert page.read_text(encoding="utf-8") == current
    assert docs(tmp_path, "--check").returncode == 0
