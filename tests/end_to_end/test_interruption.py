"""Ctrl-C at every stage: exit code 130, nothing half-written, and the same command ends as if it had not happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

# Runs the command line in a process that sends itself SIGINT when it comes to a function for the n-th time: the
# signal arrives inside the stage, however fast the machine is.
INTERRUPTED = """
import importlib, os, signal, sys
module, name, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
owner = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
original = getattr(owner, last)
def interrupted(*arguments, **named):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGINT)
    return original(*arguments, **named)
setattr(owner, last, interrupted)
sys.argv = ["tinylm", *sys.argv[4:]]
from tinylm.cli import main
main()
"""
STAGES = {
    "corpus": ("tinylm.corpus.building.build", "render_part", 1),
    "tokenizer": ("tinylm.tokenizer.training", "_lines", 1),
    "tokens": ("tinylm.tokenizer.tokenizer", "Tokenizer.encode_batch", 1),
    "training": ("tinylm.training.loop", "optimize", 4),
    "checkpoint": ("torch", "save", 2),
    "evaluation": ("tinylm.pipeline.train_pipeline", "load_weights", 1),
    "export": ("tinylm.export.export", "make_golden", 1),
    "writing the bundle": ("tinylm.bundle.writing", "open_bundle", 3),
    "budget check": ("tinylm.budget.check", "check_bundle", 1),
}
FAST = ("tokenizer", "training", "export")


def assert_stopped(code: int, errors: str, folder: Path) -> None:
    assert code == 130, errors
    lines = errors.splitlines()
    assert sum(line.startswith("error: interrupted") for line in lines) == 1, errors
    assert sum(line.startswith("hint: run the same command again") for line in lines) == 1, errors
    assert "Traceback" not in errors
    for record in folder.rglob("*.json"):
        assert record.read_bytes().rstrip().endswith(b"}"), record


def assert_finishes(folder: Path, command: tuple[str, ...], call: Call, workplace: Path) -> None:
    again = call(folder, *command, "--output-dir", "run")
    assert again.returncode == 0, again.stderr
    assert not [path for path in folder.rglob("*") if ".partial" in path.name]
    for name in ("bundle/model.onnx", "bundle/tokenizer.model", "checkpoints/final/model.safetensors"):
        assert (folder / "run" / name).read_bytes() == (workplace / "run" / name).read_bytes(), name


@pytest.mark.parametrize(
    "stage", [stage if stage in FAST else pytest.param(stage, marks=pytest.mark.slow) for stage in STAGES]
)
def test_ctrl_c_inside_a_stage(
    stage: str,
    command: tuple[str, ...],
    call: Call,
    environment: dict[str, str],
    workplace: Path,
    tmp_path: Path,
) -> None:
    module, function, calls = STAGES[stage]
    stopped = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, function, str(calls), *command, "--output-dir", "run"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert_stopped(stopped.returncode, stopped.stderr, tmp_path)
    assert ("a checkpoint was saved" in stopped.stderr) == (stage in ("training", "checkpoint"))
    assert (tmp_path / "run" / "bundle").exists() == (stage == "budget check")
    assert_finishes(tmp_path, command, call, workplace)


@pytest.mark.slow
@pytest.mark.parametrize("line", ["[1/4]", "tokenizer: learning", "training: 1 of", "[3/4]", "comparing the graph"])
def test_ctrl_c_from_outside(
    line: str, command: tuple[str, ...], start: Start, call: Call, workplace: Path, tmp_path: Path
) -> None:
    with start(tmp_path, *command, "--output-dir", "run", "--epochs", "5") as process:
        assert process.stderr is not None
        errors = ""
        for read in process.stderr:
            errors += read
            if line in read:
                break
        process.send_signal(signal.SIGINT)
        errors += process.stderr.read()
        code = process.wait(timeout=120)
    assert_stopped(code, errors, tmp_path)
    again = call(tmp_path, *command, "--output-dir", "run", "--epochs", "5")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "run" / "bundle" / "manifest.json").is_file()


def test_a_killed_process_loses_one_step_at_most_of_its_log(
    command: tuple[str, ...], start: Start, call: Call, workplace: Path, tmp_path: Path
) -> None:
    """SIGKILL cannot be answered: the run continues from its last checkpoint."""
    shutil.copytree(workplace / "datasets", tmp_path / "datasets")
    with start(tmp_path, *command, "--output-dir", "run", "--epochs", "2") as process:
        assert process.stderr is not None
        for read in process.stderr:
            if "epoch 1:" in read:
                break
        os.kill(process.pid, signal.SIGKILL)
    log = tmp_path / "run" / "metrics.jsonl"
    assert '"step": 8,' in log.read_text(encoding="utf-8")
    again = call(tmp_path, *command, "--output-dir", "run", "--epochs", "2")
    assert again.returncode == 0, again.stderr
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 17))
