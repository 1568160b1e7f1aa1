"""`scripts/bench_serve` without a peer: our server and the bare runtime write the same texts, and all is measured."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tinylm.pipeline.train_pipeline import Job, run_pipeline
from tinylm.settings.run import RunRequest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_serve"


def test_our_server_is_measured_beside_its_runtime(
    small_run: RunRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = dataclasses.replace(small_run, training=dataclasses.replace(small_run.training, epochs=1))
    run_pipeline(Job(request=config, folder=Path("run")), say=lambda _: None)
    command = [SCRIPT, "run", "--rounds", "1", "--starts", "1", "--new-tokens", "8"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *table, last = done.stdout.splitlines()
    document = json.loads(last)
    assert document["errors"] == {}
    bare, row = document["servers"].values()
    assert 10 < row["idle_mb"] < row["crowd_mb"] < 200  # a Python process with a small model
    timed = {"ttft_ms", "request_ms", "request_cpu_ms", "whole_tokens_per_s", "long_tokens_per_s"}
    assert all(min(one[figure] for one in (bare, row)) > 0 for figure in timed)
    assert {"ready_ms", "stream_to_bare", "long_to_bare", "eight_tokens_per_s"} <= row.keys()
    assert any(line.startswith("bare runtime") for line in table)
