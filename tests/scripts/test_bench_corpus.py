"""`scripts/bench_corpus` on a small text: the same corpus every time, its stages, its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_corpus"


def test_it_shows_stages_and_memory(texts: Path) -> None:
    command = [sys.executable, SCRIPT, f"en:{texts / 'en.txt'}", "--megabytes", "0.5", "--vocab-size", "60"]
    documents = []
    for seed in ("0", "0", "1"):
        done = subprocess.run([*command, "--seed", seed], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        documents.append(json.loads(done.stdout.splitlines()[-1]))
    first, again, other = documents
    assert first["tokens"] == again["tokens"] != other["tokens"]
    assert abs(first["bytes"] - 500_000) < 30_000, "the last document is not cut"
    stages = ["hashing", "reading and cleaning", "splitting and writing", "tokenizer", "tokens"]
    assert list(first["seconds"]) == stages
    assert list(first["peak_rss_mb"]) == stages
    assert max(first["peak_rss_mb"].values()) > 20
    failed = subprocess.run([*command[:2], "nowhere"], capture_output=True, text=True, timeout=60)
    assert "`nowhere` does not exist" in failed.stderr
