"""`--help` of every script prints what its head says, and does nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
RUN = [file for file in sorted(SCRIPTS.iterdir()) if file.is_file() and file.stat().st_mode & 0o100]
QUICK = [file for file in RUN if "torch" not in file.read_text(encoding="utf-8")]
"""Those that do not import torch only to say what they are."""


def first_line(script: Path) -> str:
    """Of its head: a comment, or a docstring."""
    return script.read_text(encoding="utf-8").splitlines()[1].removeprefix("# ").removeprefix('"""')


@pytest.mark.parametrize("script", QUICK, ids=lambda script: script.name)
def test_help_prints_the_head(script: Path, tmp_path: Path) -> None:
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert first_line(script).split("(")[0].strip() in " ".join(done.stdout.split())
    assert list(tmp_path.iterdir()) == []


def test_the_others_hand_their_head_to_argparse() -> None:
    assert {"demo", "test", "deploy.sh"} <= {script.name for script in QUICK}
    for script in RUN:
        if script not in QUICK:
            assert "argparse.ArgumentParser(description=__doc__" in script.read_text(encoding="utf-8"), script
