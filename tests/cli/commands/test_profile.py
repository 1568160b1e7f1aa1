"""`tinylm profile` as people and scripts use it: streams, formats, exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.bundle.reading import Bundle
from tinylm.cli.commands.profile import profile
from tinylm.profile.profile import Profile

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(profile)
runner = CliRunner()


def test_tables_on_stdout_and_progress_on_stderr(tiny_bundle: Bundle, tmp_path: Path) -> None:
    picture = tmp_path / "new" / "profile.svg"
    arguments = [str(tiny_bundle.path), "--requests", "2", "--new-tokens", "4", "--plot", str(picture)]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0
    assert "test: latency by prompt length, 4 new tokens, 1 thread" in result.stdout
    assert "The same by operator, in µs" in result.stdout
    assert "2 requests of each of 16, 32, 60 tokens" in result.stderr
    assert "2 requests of each of 16" not in result.stdout
    assert picture.read_text(encoding="utf-8").startswith("<svg ")
    assert [path.name for path in picture.parent.iterdir()] == ["profile.svg"]


def test_json_is_one_document_on_stdout(tiny_bundle: Bundle) -> None:
    result = runner.invoke(app, [str(tiny_bundle.path), "--requests", "2", "--new-tokens", "4", "--json"])
    assert result.exit_code == 0
    report = read(Profile, json.loads(result.stdout), "stdout", major=1)
    assert report.schema == "1.0"
    assert report.new_tokens == 4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--requests", "0"], "`--requests` is 0"),
        (["--threads", "0"], "`--threads` is 0"),
        (["--new-tokens", "64"], "context of 64"),
        (["--plot", "picture.png"], "no name for an SVG picture"),
    ],
)
def test_bad_options(tiny_bundle: Bundle, arguments: list[str], reason: str) -> None:
    result = runner.invoke(app, [str(tiny_bundle.path), *arguments])
    assert isinstance(result.exception, TinylmError)
    assert reason in result.exception.message
    assert result.exception.exit_code == 2
    assert result.stdout == ""


def test_a_missing_and_a_damaged_bundle(tiny_bundle: Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(tiny_bundle.path, copy)
    (copy / "model.onnx").write_bytes(b"nonsense")
    for path in (tmp_path / "nothing", copy):
        result = runner.invoke(app, [str(path)])
        assert isinstance(result.exception, TinylmError)
        assert result.exception.exit_code == 2


def test_the_command_itself_never_loads_what_it_measures(tiny_bundle: Bundle) -> None:
    code = f"""
import sys
sys.argv = ["tinylm", "profile", {str(tiny_bundle.path)!r}, "--requests", "1", "--new-tokens", "2"]
from tinylm.cli import main
main()
"""
    check = "assert not {'onnxruntime', 'numpy', 'sentencepiece', 'torch'} & set(sys.modules), sorted(sys.modules)"
    code = code.replace("main()\n", "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n" + check)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
