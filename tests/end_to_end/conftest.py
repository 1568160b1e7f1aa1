"""tinylm as a user calls it: a process, a folder, a small text."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tinylm

ROOT = Path(tinylm.__file__).resolve().parents[1]

Call = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

# One request of 4 + 4 tokens from a few processes: what is checked here is the way there, not the machine.
BUDGET = """
schema = "1.0"
name = "small"
description = "a small request on this machine"

[request]
prompt_tokens = 4
new_tokens = 4
threads = 1

[limits]
peak_rss_mb = 2000
latency_p95_ms = 100000
bundle_mb = 100
bpb_increase = 1.0
"""
SETTINGS = ("--vocab-size", "100", "--max-seq-length", "32", "--batch-size", "24", "--epochs", "1")


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="session")
def call(environment: dict[str, str]) -> Call:
    """`call(folder, "generate", "run")`: runs `python -m tinylm generate run` there and waits for it."""

    def run(
        folder: Path, *arguments: str, limit: Callable[[], None] | None = None, timeout_s: float = 180
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tinylm", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
            check=False,
            preexec_fn=limit,
        )

    return run


@pytest.fixture(scope="session")
def start(environment: dict[str, str]) -> Start:
    """Like `call`, without waiting; stderr is a pipe to read from."""

    def run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tinylm", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    return run


@pytest.fixture(scope="session")
def command(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """`train-pipeline` on the small texts, an epoch of 8 steps."""
    budget = tmp_path_factory.mktemp("budget") / "small.toml"
    budget.write_text(BUDGET, encoding="utf-8")
    corpora = ("--corpus", f"en:{texts / 'en.txt'}", "--corpus", f"es:{texts / 'es.txt'}")
    return ("train-pipeline", *corpora, *SETTINGS, "--budget", str(budget))


@pytest.fixture(scope="session")
def workplace(command: tuple[str, ...], call: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the command has run; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("workplace")
    done = call(folder, *command, "--output-dir", "run")
    (folder / "first.out").write_text(done.stdout, encoding="utf-8")
    (folder / "first.err").write_text(done.stderr, encoding="utf-8")
    (folder / "first.code").write_text(str(done.returncode), encoding="utf-8")
    return folder
