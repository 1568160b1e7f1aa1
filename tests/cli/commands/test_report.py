"""`tinylm report` as a user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_runs import FALLING, config_of, evaluations_of, healthy_steps

from tinylm.settings.plan import write_plan
from tinylm.training.run.metrics import EvaluationMetrics, StepMetrics


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `runs/clipped` and `runs/free`."""
    for name, clip in (("clipped", 1.0), ("free", None)):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        write_plan(config_of(total_steps=300, grad_clip=clip), run / "config.toml")
        lines: list[StepMetrics | EvaluationMetrics] = [
            *healthy_steps(300, clip=clip),
            *evaluations_of(FALLING, steps=300),
        ]
        (run / "metrics.jsonl").write_text("".join(json.dumps(vars(line)) + "\n" for line in lines), encoding="utf-8")
    return tmp_path


def tinylm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tinylm", "report", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )


def test_one_run(folder: Path) -> None:
    done = tinylm(folder, "runs/clipped")
    assert done.returncode == 0, done.stderr
    assert "clipped: Stable: no spike in 300 steps" in done.stdout
    assert done.stderr == "wrote runs/clipped/report.html\n"
    assert "<h1>clipped</h1>" in (folder / "runs/clipped/report.html").read_text(encoding="utf-8")


def test_the_latest_run_as_json(folder: Path) -> None:
    os.utime(folder / "runs/free/config.toml", (2e9, 2e9))
    done = tinylm(folder, "--json", "--output", "page.html")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (run,) = found["runs"]
    assert (run["name"], run["finished"], run["stability"]["verdict"]) == ("free", True, "stable")
    assert run["figures"]["best_val_loss"] == FALLING[-1]
    assert run["diagnoses"] == []
    assert found["comparison"] is None
    assert (folder / "page.html").is_file()


def test_two_runs(folder: Path) -> None:
    done = tinylm(folder, "runs/free", "runs/clipped", "--clipping", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["comparison"]["differences"] == {"training.grad_clip": ["not set", "1.0"]}
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "With and without clipping" in page


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["runs"], "`runs` is no run folder"),
        (["nowhere"], "`nowhere` is no run folder"),
        (["runs/free", "runs/../runs/free"], "a run is named twice"),
        (["runs/free", "--clipping"], "--clipping compares two runs"),
        (["runs/free", "--output", "runs/free/config.toml"], "no name for an HTML page"),
        (["runs/free", "--output", "nowhere/page.html"], "the folder of `nowhere/page.html` does not exist"),
        (["runs/free", "--output", "link.html"], "is a link"),
    ],
)
def test_what_cannot_be_done(folder: Path, arguments: list[str], problem: str) -> None:
    (folder / "link.html").symlink_to("runs/free/config.toml")
    done = tinylm(folder, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert problem in done.stderr
    assert "\nhint: " in done.stderr


def test_it_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; sys.argv = ['tinylm', 'report', 'runs/free']\n"
        "from tinylm.cli import main\nmain.__globals__['app'](prog_name='tinylm', standalone_mode=False)\n"
        "assert 'torch' not in sys.modules and 'onnxruntime' not in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
