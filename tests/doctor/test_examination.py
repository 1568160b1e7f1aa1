"""The report as JSON and as a table, and the whole command on this machine."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.base.records import read, to_json
from tinylm.bundle.reading import Bundle
from tinylm.cli.application import app
from tinylm.doctor.examination import Examination, examine
from tinylm.doctor.table import print_examination
from tinylm.machine.facts import Facts

Recorded = Callable[..., Facts]
runner = CliRunner()


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without runs."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fast(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with a Zero 2 W's facts instead of this machine's."""
    monkeypatch.setattr("tinylm.doctor.examination.read_facts", lambda announce: recorded("pi-zero-2w"))


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="session")
def int8(make_bundle: Callable[..., Bundle]) -> Bundle:
    return make_bundle(scheme="int8")


def test_json_round_trip(int8: Bundle, recorded: Recorded) -> None:
    for board in ("pi-zero-2w", "pi-3b-plus", "pi-4", "pi-5"):
        report = examine(bundle=int8.path, budget=None, announce=silent, facts=recorded(board))
        assert read(Examination, json.loads(to_json(report)), "the report", major=1) == report
        assert report.bundle is not None
        assert report.bundle.sha256 == int8.manifest_sha256


def test_a_newer_or_mistyped_report_is_refused(recorded: Recorded) -> None:
    document = json.loads(to_json(examine(bundle=None, budget=None, announce=silent, facts=recorded("pi-4"))))
    with pytest.raises(TinylmError, match=r"schema 2\.0"):
        read(Examination, {**document, "schema": "2.0"}, "the report", major=1)
    with pytest.raises(TinylmError, match="unknown key"):
        read(Examination, {**document, "findigns": []}, "the report", major=1)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_and_needs_no_colour(width: int, int8: Bundle, recorded: Recorded) -> None:
    wrong = {"firmware": {"throttled": 0x50005}, "processor": {"policies": {"0": {"governor": "powersave"}}}}
    report = examine(bundle=int8.path, budget=None, announce=silent, facts=recorded("pi-4", wrong))
    out = io.StringIO()
    print_examination(report, Console(file=out, width=width, color_system=None, highlight=False))
    text = out.getvalue()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "✗ problem" in text
    assert "sudo tee" in text
    assert "DynamicQuantizeMatMul" in text
    assert "…" not in text
    assert text.rstrip().splitlines()[-1].startswith("2 problems, 2 warnings")


def test_a_named_bundle_that_is_unusable_is_refused(int8: Bundle, tmp_path: Path, fast: None) -> None:
    result = runner.invoke(app, ["doctor", "nowhere"])
    assert isinstance(result.exception, TinylmError)
    assert result.exception.exit_code == 2
    assert result.stdout == ""
    unknown = runner.invoke(app, ["doctor", "--budget", "pi-6"])
    assert isinstance(unknown.exception, TinylmError)
    assert "unknown budget `pi-6`" in unknown.exception.message


def test_the_latest_bundle_when_damaged_is_a_problem_and_the_rest_is_there(tmp_path: Path, fast: None) -> None:
    (tmp_path / "runs/a/bundle").mkdir(parents=True)
    (tmp_path / "runs/a/config.toml").touch()
    (tmp_path / "runs/a/bundle/manifest.json").write_text("{")
    result = runner.invoke(app, ["doctor", "--json"])
    report = read(Examination, json.loads(result.stdout), "the report", major=1)
    assert result.exit_code == 1
    assert report.bundle is None
    assert [f.level for f in report.findings if f.check == "bundle"] == ["problem"]
    assert len(report.findings) > 15


def test_without_a_bundle_the_audit_is_a_note(fast: None) -> None:
    result = runner.invoke(app, ["doctor", "--budget", "pi-zero-2w"])
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "no graph was looked at" in text
    assert "this is a device of pi-zero-2w" in text


def test_on_this_machine(int8: Bundle, tmp_path: Path) -> None:
    """For real: as a process, without rights, networks or extras."""
    packages = Path(tinylm.__file__).resolve().parents[1]
    # A module that a device does not have must not be asked for: these fail loudly when they are.
    for name in ("torch", "onnx", "safetensors", "matplotlib"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    done = subprocess.run(
        [sys.executable, "-m", "tinylm", "doctor", str(int8.path), "--json"],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{packages}", "NO_COLOR": "1"},
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    report = read(Examination, json.loads(done.stdout), "the report", major=1)
    assert {trial.module: trial.outcome for trial in report.facts.software.trials} == dict.fromkeys(
        ("numpy", "onnxruntime", "sentencepiece", "psutil"), "ok"
    )
    assert report.bundle is not None
    assert "trying imports" in done.stderr
    assert not list(Path(report.facts.storage.folder).glob(".tinylm-doctor-*"))


def test_the_doctor_itself_loads_nothing_that_could_kill_it(int8: Bundle) -> None:
    code = """
import sys
from pathlib import Path
import tinylm.machine.trials
tinylm.machine.trials.TIMEOUT_S = 60
from tinylm.doctor.examination import examine
examine(bundle=Path(sys.argv[1]), budget=None, announce=lambda line: None)
print(" ".join(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(int8.path)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(Path(tinylm.__file__).resolve().parents[1])},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded: set[Any] = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "onnxruntime", "sentencepiece", "psutil", "torch", "onnx"}


def test_an_import_that_dies_shows_in_the_exit_code(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = {"software": {"trials": {"1": {"outcome": "killed", "detail": "SIGILL", "ms": None, "rss_mb": None}}}}
    monkeypatch.setattr("tinylm.doctor.examination.read_facts", lambda announce: recorded("pi-4", dead))
    result = runner.invoke(app, ["doctor"])
    assert result.exit_code == 1
    assert "dies of SIGILL" in result.stdout
