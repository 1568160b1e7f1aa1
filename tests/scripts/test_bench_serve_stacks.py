"""`scripts/bench_serve_stacks` with what the extra `serve` brings: it serves, measures, and names what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_serve_stacks"


def test_stacks_are_measured_and_what_is_missing_is_named() -> None:
    command = [SCRIPT, "--python", sys.executable, "--rounds", "1", "--requests", "20", "--only", "starlette"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    row = document["stacks"]["uvicorn + starlette"]
    assert row["processes"] == 1
    assert 10 < row["rss_mb"] <= row["peak_mb"] < 100  # a Python process with a framework
    assert 0 < row["request_ms"] < row["ready_ms"]
    assert document["imports_mb"]["numpy"] > 1
    for name, reason in document["missing"].items():
        assert "No module named" in reason, name
