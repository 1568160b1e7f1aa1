"""The wheel in a clean environment, away from the repository: what a device installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinylm.bundle.reading import Bundle

ROOT = Path(__file__).parents[2]


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=500
    )


@pytest.mark.slow
def test_the_wheel_checks_a_bundle_without_torch(tmp_path: Path, tiny_bundle: Bundle) -> None:
    built = _run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    python = elsewhere / "venv" / "bin" / "python"
    assert _run(sys.executable, "-m", "venv", elsewhere / "venv", cwd=elsewhere).returncode == 0
    installed = _run(python, "-m", "pip", "install", "--quiet", wheel, cwd=elsewhere)
    assert installed.returncode == 0, installed.stderr

    for absent in ("torch", "onnx", "safetensors", "ziglang"):
        assert _run(python, "-c", f"import {absent}", cwd=elsewhere).returncode != 0, absent
    found = _run(
        python, "-c", "from tinylm.native.library import instruction_sets; print(*instruction_sets())", cwd=elsewhere
    )
    assert found.stdout.endswith("scalar\n"), found.stderr
    read = "from tinylm.corpus import sample; print(sum(1 for _ in sample.read()))"
    assert _run(python, "-c", read, cwd=elsewhere).stdout == "8579\n"
    command = python.with_name("tinylm")
    checked = _run(command, "check-budgets", tiny_bundle.path, "--budget", "pi-zero-2w", "--json", cwd=elsewhere)
    assert checked.returncode == 0, checked.stderr
    report = json.loads(checked.stdout)
    assert report["verdict"] == "pass"
    assert report["budget"] == "pi-zero-2w" or report["budget"]["name"] == "pi-zero-2w"

    text = _run(command, "generate", tiny_bundle.path, "--prompt", "a", "--max-tokens", "5", cwd=elsewhere)
    assert text.returncode == 0, text.stderr
    refused = _run(command, "train-pipeline", cwd=elsewhere)
    assert refused.returncode == 2, refused.stderr
    assert "error:" in refused.stderr
    assert "[train]" in refused.stderr
