"""Training on a GPU, where torch sees one: in processes of their own, because the tests themselves see none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., None]
EXACT = ("--precision", "fp32", "--compile", "off")


@pytest.fixture(scope="module")
def gpu_environment(environment: dict[str, str], with_gpus: dict[str, str]) -> dict[str, str]:
    """The environment of a process that sees the GPU; without one the tests are skipped."""
    own = {**with_gpus, "PYTHONPATH": environment["PYTHONPATH"]}
    look = [sys.executable, "-c", "import torch; print(torch.cuda.is_available())"]
    if subprocess.run(look, env=own, capture_output=True, encoding="utf-8", check=True).stdout.strip() != "True":
        pytest.skip("torch sees no GPU")
    return own


@pytest.fixture
def train(texts: Path) -> list[str]:
    """`tinylm train` on the small texts, 8 steps an epoch."""
    corpora = ("--corpus", f"en:{texts / 'en.txt'}", "--corpus", f"es:{texts / 'es.txt'}")
    return ["train", *corpora, "--vocab-size", "100", "--max-seq-length", "32", "--batch-size", "24"]


@pytest.fixture
def run(gpu_environment: dict[str, str], environment: dict[str, str], tmp_path: Path) -> Run:
    """`run("report", "run", gpu=False)`: runs `tinylm report run` in the test's folder, and it succeeds."""

    def run(*arguments: str, gpu: bool = True) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tinylm", *arguments],
            cwd=tmp_path,
            env=gpu_environment if gpu else environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return run


def losses(folder: Path) -> list[float]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [line["loss"] for line in map(json.loads, lines) if "loss" in line]


def test_a_gpu_computes_what_the_processor_does(train: list[str], run: Run, tmp_path: Path) -> None:
    for gpu, name in ((True, "gpu"), (False, "cpu")):
        run(*train, *EXACT, "--epochs", "3", "--output-dir", name, gpu=gpu)
    # Both start from the same weights and see the same batches; sums in another order drift apart slowly.
    assert len(losses(tmp_path / "gpu")) == 24
    assert losses(tmp_path / "gpu") == pytest.approx(losses(tmp_path / "cpu"), rel=1e-3)


def test_compiled_bf16_is_near_fp32(train: list[str], run: Run, tmp_path: Path) -> None:
    run(*train, *EXACT, "--epochs", "3", "--output-dir", "exact")
    run(*train, "--precision", "bf16", "--compile", "on", "--epochs", "3", "--output-dir", "fast")
    assert losses(tmp_path / "fast") == pytest.approx(losses(tmp_path / "exact"), rel=0.03)


@pytest.mark.parametrize("preset", ["tiny", "tiny-muon"])
def test_killed_and_resumed_without_the_gpu(
    preset: str, train: list[str], run: Run, gpu_environment: dict[str, str], tmp_path: Path
) -> None:
    options = (*train, *EXACT, "--preset", preset, "--epochs", "60", "--checkpoint-interval", "20")
    run(*options, "--output-dir", "whole")
    killed = subprocess.Popen(
        [sys.executable, "-m", "tinylm", *options, "--output-dir", "killed"],
        cwd=tmp_path,
        env=gpu_environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    last = tmp_path / "killed" / "checkpoints" / "last"
    while not last.exists() or last.resolve().name == "step-00000000":  # by then the optimizer has a state
        assert killed.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    run("train", "--resume", "--output-dir", "killed", gpu=False)
    whole, resumed = losses(tmp_path / "whole"), losses(tmp_path / "killed")
    assert len(resumed) == len(whole)
    assert resumed[-1] == pytest.approx(whole[-1], rel=0.05)


def test_it_is_looked_at_before_and_evaluated_after(train: list[str], run: Run, texts: Path) -> None:
    run(*train, "--preflight")
    run(*train, "--epochs", "2", "--output-dir", "run")
    run("evaluate", "run", "--text", f"en:{texts / 'en.txt'}")
