"""`tinylm budget report`, and the options that it shares with the checks."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.base.records import to_json
from tinylm.budget.report import BudgetReport
from tinylm.bundle.reading import Bundle
from tinylm.cli.application import app

runner = CliRunner()


@pytest.fixture
def saved(full_report: BudgetReport, tmp_path: Path) -> Path:
    file = tmp_path / "report.json"
    file.write_text(to_json(full_report), encoding="utf-8")
    return file


def test_a_saved_report_in_other_forms(saved: Path, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"report.{kind}" for kind in ("junit", "markdown", "html")}
    options = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    result = runner.invoke(app, ["budget", "report", str(saved), *options])
    assert result.exit_code == 1  # the report's own verdict
    assert result.stdout == ""
    assert ET.parse(files["junit"]).getroot().tag == "testsuites"
    assert files["markdown"].read_text(encoding="utf-8").startswith("## ❌ test does not fit")
    assert files["html"].read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("verdict", "basis", "certify", "code"),
    [
        ("pass", "measured", True, 0),
        ("pass", "estimated", False, 0),
        ("pass", "estimated", True, 3),
        ("undecided", "measured", False, 3),
        ("fail", "measured", False, 1),
    ],
)
def test_exit_codes(full_report: BudgetReport, saved: Path, verdict: Any, basis: Any, certify: bool, code: int) -> None:
    limits = tuple(replace(limit, verdict=verdict, basis=basis) for limit in full_report.limits)
    changed = replace(full_report, limits=limits, verdict=verdict, basis=basis, comparison=None)
    saved.write_text(to_json(changed), encoding="utf-8")
    junit = saved.with_name("junit.xml")
    options = ["--certify"] if certify else []
    assert runner.invoke(app, ["budget", "report", str(saved), "--junit", str(junit), *options]).exit_code == code
    assert ("certified" in junit.read_text(encoding="utf-8")) == certify


def test_a_file_that_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    result = runner.invoke(app, ["budget", "report", str(tmp_path / "report.json"), "--html", str(tmp_path / "a.html")])
    assert isinstance(result.exception, TinylmError)
    assert result.exception.exit_code == 2
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize("command", [["check-budgets"], ["check-budgets", "--virtual-pi"], ["virtual-pi", "check"]])
@pytest.mark.parametrize("option", ["--junit", "--markdown", "--html"])
def test_a_missing_folder_is_said_before_anything_is_measured(
    tiny_bundle: Bundle, tmp_path: Path, command: list[str], option: str
) -> None:
    result = runner.invoke(app, [*command, str(tiny_bundle.path), option, str(tmp_path / "no" / "report")])
    assert isinstance(result.exception, TinylmError)
    assert result.exception.exit_code == 2
    assert "does not exist" in result.exception.message
    assert result.exception.hint is not None
    assert "mkdir" in result.exception.hint
    assert "checking" not in result.stderr


def test_one_file_for_two_outputs_and_a_folder_in_place_of_a_file(saved: Path, tmp_path: Path) -> None:
    twice = [str(saved), "--html", str(tmp_path / "a"), "--junit", str(tmp_path / "a")]
    for arguments, words in ((twice, "named for two outputs"), ([str(saved), "--html", str(tmp_path)], "is a folder")):
        result = runner.invoke(app, ["budget", "report", *arguments])
        assert isinstance(result.exception, TinylmError)
        assert words in result.exception.message


def test_a_reader_that_goes_away_is_not_a_failed_limit(full_report: BudgetReport, saved: Path) -> None:
    """`| head` on a table: 141, as the shell says of SIGPIPE, and not rich's own 1."""
    limits = tuple(replace(limit, verdict="pass") for limit in full_report.limits)
    saved.write_text(to_json(replace(full_report, limits=limits, verdict="pass")), encoding="utf-8")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tinylm", "budget", "report", str(saved)],
        stdout=write,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(tinylm.__file__).resolve().parents[1])},
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_verdict_that_the_limits_do_not_have_is_refused(full_report: BudgetReport, saved: Path) -> None:
    for changed in (replace(full_report, verdict="pass"), replace(full_report, limits=(), verdict="pass")):
        saved.write_text(to_json(changed), encoding="utf-8")
        result = runner.invoke(app, ["budget", "report", str(saved)])
        assert isinstance(result.exception, TinylmError)
        assert "which its limits do not" in result.exception.message


def test_what_is_read_is_never_replaced(tiny_bundle: Bundle, saved: Path, tmp_path: Path) -> None:
    budget = tmp_path / "mine.toml"
    budget.write_text("schema", encoding="utf-8")
    inside = tiny_bundle.path / "report.html"
    check = ["check-budgets", str(tiny_bundle.path)]
    for arguments in (
        ["budget", "report", str(saved), "--html", str(saved)],
        [*check, "--against", str(saved), "--junit", str(saved)],
        [*check, "--budget", str(budget), "--markdown", str(budget)],
        [*check, "--html", str(inside)],
        [*check, "--virtual-pi", "--html", str(inside)],
    ):
        result = runner.invoke(app, arguments)
        assert isinstance(result.exception, TinylmError), arguments
        assert "would replace what is read" in result.exception.message
        assert "checking" not in result.stderr
    assert not inside.exists()


def test_a_link_or_a_device_is_never_replaced(saved: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    for place in (link, Path("/dev/null")):
        result = runner.invoke(app, ["budget", "report", str(saved), "--html", str(place)])
        assert isinstance(result.exception, TinylmError)
        assert "a link or a device" in result.exception.message
    assert link.is_symlink()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_full_disk_is_no_failed_limit(form: list[str], saved: Path) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    command = ["budget", "compare", str(saved), str(saved), *form] if form else ["budget", "report", str(saved)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tinylm", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(tinylm.__file__).resolve().parents[1])},
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: the output cannot be written: No space left on device\n\nhint: ")
    assert b"Traceback" not in done.stderr
