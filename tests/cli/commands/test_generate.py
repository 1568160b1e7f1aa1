"""`tinylm generate` and `python -m tinylm.runtime`: the same text, warnings beside it, clean ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.cli.commands.generate import generate

MakeBundle = Callable[..., Bundle]
DEVICE = [sys.executable, "-m", "tinylm.runtime"]
ROOT = Path(__file__).parents[3]

app = typer.Typer()
app.command()(generate)


def device(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*DEVICE, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> Path:
    return make_bundle().path


def test_the_command_and_the_device_write_the_same_text(bundle: Path) -> None:
    options = ["--prompt", "the wa", "--max-tokens", "60", "--top-k", "20", "--top-p", "0.9", "--temperature", "1.2"]
    options += ["--repetition-penalty", "1.3", "--seed", "5", "--stop", "\n", "--stop", "the out", "--threads", "1"]
    command = CliRunner().invoke(app, [str(bundle), *options])
    alone = device(str(bundle), *options)
    assert (command.exit_code, command.stderr) == (0, "")
    assert (alone.returncode, alone.stderr) == (0, "")
    assert command.stdout == alone.stdout
    assert len(command.stdout.strip()) > 10
    for backend in ("native", "onnxruntime"):
        assert device(str(bundle), *options, "--backend", backend).stdout == alone.stdout
        assert CliRunner().invoke(app, [str(bundle), *options, "--backend", backend]).stdout == alone.stdout


def test_the_filter_ends_a_text_and_refuses_a_prompt(bundle: Path, tmp_path: Path) -> None:
    options = ["--max-tokens", "60", "--temperature", "0", "--threads", "1"]
    whole = device(str(bundle), "--prompt", "the wa", *options, "--filter", "off").stdout
    word = max(re.findall(r"\w+", whole)[1:], key=len)
    own = tmp_path / "own.toml"
    own.write_text(
        f'schema = "1.0"\nname = "own"\n[[rules]]\ncategory = "test"\nphrases = ["{word}"]\n', encoding="utf-8"
    )
    command = CliRunner().invoke(app, [str(bundle), "--prompt", "the wa", *options, "--filter", str(own)])
    alone = device(str(bundle), "--prompt", "the wa", *options, "--filter", str(own))
    before = re.split(rf"\b{word}\b", whole)[0]
    assert command.stdout == alone.stdout == before + "\n"
    note = "note: the content filter `own` ended the text before what came next (category `test`)\n"
    assert command.stderr == alone.stderr == note
    refused = device(str(bundle), "--prompt", f"say {word.upper()}!", *options, "--filter", str(own))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: the prompt is refused by the content filter `own` (category `test`)\n")
    by_default = CliRunner().invoke(app, [str(bundle), "--prompt", "how to kill myself", *options])
    assert isinstance(by_default.exception, TinylmError)
    assert "content filter `en+es` (category `self_harm`)" in by_default.exception.message


def test_addresses_and_numbers_are_redacted_on_wish(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of random weights writes none, so the decoder of this one puts one before its text."""
    from tinylm.runtime.generation import TextDecoder

    push, said = TextDecoder.push, ["a@exam", "ple.org or 600 123 4", "56, "]
    monkeypatch.setattr(
        TextDecoder, "push", lambda decoder, token: said.pop(0) if said else push(decoder, token), raising=True
    )
    options = [str(bundle), "--prompt", "the", "--max-tokens", "9", "--seed", "1", "--threads", "1", "--redact"]
    assert CliRunner().invoke(app, options).stdout.startswith("[email] or [phone], ")


def test_what_nothing_reads_is_told_and_does_not_stop_the_text(make_bundle: MakeBundle, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(make_bundle().path, bundle)
    options = ["--prompt", "the", "--seed", "1", "--threads", "1"]
    before = device(str(bundle), *options)
    (bundle / ".DS_Store").write_bytes(b"\0")
    (bundle / "MODEL_CARD.md").write_text("# mine\n", encoding="utf-8")
    for result in (CliRunner().invoke(app, [str(bundle), *options]), device(str(bundle), *options)):
        assert result.stdout == before.stdout
        (line,) = result.stderr.splitlines()
        assert line.startswith(
            f"warning: `{bundle}` is not as it was exported: `.DS_Store` is not in the manifest, and 1"
        )
    with (bundle / "golden.json").open("ab") as file:
        file.write(b" ")
    refused = device(str(bundle), *options)
    assert refused.returncode == 2
    assert "golden.json` has " in refused.stderr


def test_the_manifests_defaults_hold_when_nothing_is_set(bundle: Path) -> None:
    runner = CliRunner()
    plain = runner.invoke(app, [str(bundle), "--seed", "1"])
    spelled = ["--temperature", "0.8", "--top-k", "40", "--top-p", "0.9", "--repetition-penalty", "1"]
    assert plain.stdout == runner.invoke(app, [str(bundle), "--seed", "1", *spelled, "--max-tokens", "128"]).stdout
    assert plain.stdout != runner.invoke(app, [str(bundle), "--seed", "1", "--temperature", "0"]).stdout


def test_without_a_name_the_latest_runs_bundle_is_used(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(bundle, tmp_path / "runs" / "first" / "bundle")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["--seed", "1"])
    assert done.stdout == CliRunner().invoke(app, [str(bundle), "--seed", "1"]).stdout


def test_warnings_go_to_stderr(bundle: Path) -> None:
    done = CliRunner().invoke(app, [str(bundle), "--prompt", "the 漢" * 40, "--seed", "0", "--max-tokens", "8"])
    assert done.exit_code == 0
    assert "warning: the model does not know some characters of the prompt (120 bytes)\n" in done.stderr
    assert "warning: the prompt is too long; its first " in done.stderr
    assert "warning" not in done.stdout


def test_problems_are_errors_with_a_hint(bundle: Path, tmp_path: Path) -> None:
    failed = CliRunner().invoke(app, [str(bundle), "--top-p", "2"])
    assert isinstance(failed.exception, TinylmError)
    assert "--top-p is 2.0; 0.000000001 to 1 (off) is needed" in failed.exception.message
    alone = device(str(tmp_path / "nothing"))
    assert alone.returncode == 2
    assert alone.stdout == ""
    assert alone.stderr.startswith("error: no bundle at ")
    assert "\n\nhint: " in alone.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "-1"], "--seed is -1; 0 to 18446744073709551615 is needed"),
        (["--seed", str(2**64)], "--seed is 18446744073709551616; 0 to 18446744073709551615 is needed"),
        (["--temperature", "nan"], "--temperature is nan; 0, or 0.001 to 100 is needed"),
        (["--temperature", "-1"], "--temperature is -1.0; 0, or 0.001 to 100 is needed"),
        (["--temperature", "inf"], "--temperature is inf; 0, or 0.001 to 100 is needed"),
        (["--top-p", "0"], "--top-p is 0.0; 0.000000001 to 1 (off) is needed"),
        (["--top-p", "nan"], "--top-p is nan; 0.000000001 to 1 (off) is needed"),
        (["--top-k", "-1"], "--top-k is -1; 0 (off) or more is needed"),
        (["--repetition-penalty", "nan"], "--repetition-penalty is nan; 0.01 to 100 is needed"),
        (["--prompt", "x" * 100_001], "--prompt has 100001 characters; at most 100000 are read"),
        (["--stop", "x" * 100_001], "--stop has 100001 characters; at most 100000 are read"),
        (["--stop", ""], "a stop string is empty"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_settings_out_of_range_are_errors_by_either_way(bundle: Path, options: list[str], message: str) -> None:
    failed = CliRunner().invoke(app, [str(bundle), *options])
    assert isinstance(failed.exception, TinylmError)
    assert (failed.exception.message, failed.stdout) == (message, "")
    if options[0] in ("--seed", "--prompt"):  # the same function; one or two show that it is
        alone = device(str(bundle), *options)
        assert (alone.returncode, alone.stdout) == (2, "")
        assert alone.stderr.startswith(f"error: {message}\n")


def test_absurdly_large_limits_mean_no_limit(bundle: Path) -> None:
    common = [str(bundle), "--seed", "1", "--stop", "e"]
    expected = CliRunner().invoke(app, [*common, "--top-k", "0", "--max-tokens", "1000"])
    assert expected.exit_code == 0
    absurd = CliRunner().invoke(app, [*common, "--top-k", str(10**30), "--max-tokens", str(10**15)])
    assert absurd.stdout == expected.stdout


@pytest.mark.parametrize("program", [["tinylm", "generate"], ["tinylm.runtime"]], ids=" ".join)
@pytest.mark.parametrize("option", ["--threads", "--max-tokens"])
def test_none_at_all_is_an_error(bundle: Path, program: list[str], option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *program, str(bundle), option, "0"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"error: (--threads is 0; this machine has \d+ |--max-tokens is 0; at least 1)", done.stderr)


@pytest.mark.parametrize("program", [["tinylm", "generate"], ["tinylm.runtime"]], ids=" ".join)
def test_bytes_that_are_no_text_are_refused_and_not_dropped(bundle: Path, program: list[str]) -> None:
    command = [sys.executable, "-m", *program, str(bundle)]
    for option, text in (("--prompt", b"Ni\xf1o"), ("--stop", b"\xff")):
        done = subprocess.run(
            [*command, option, text],
            env={**os.environ, "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert (done.returncode, done.stdout) == (2, "")
        character = text.index(max(text)) + 1
        assert f"error: {option} is not UTF-8 text: character {character} cannot be decoded\n\nhint: " in done.stderr


def test_threads_are_at_most_the_cores(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    failed = CliRunner().invoke(app, [str(bundle), "--threads", "3"])
    assert isinstance(failed.exception, TinylmError)
    assert failed.exception.message == "--threads is 3; this machine has 2 cores"
    assert failed.exception.hint == "use 1 to 2, or `auto` for what is fastest here"
    done = CliRunner().invoke(app, [str(bundle), "--threads", "2", "--seed", "1", "--max-tokens", "1"])
    assert done.exit_code == 0
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    failed = CliRunner().invoke(app, [str(bundle), "--threads", "2"])
    assert isinstance(failed.exception, TinylmError)
    assert (failed.exception.message, failed.exception.hint) == (
        "--threads is 2; this machine has 1 core",
        "use 1 or `auto`",
    )


@pytest.mark.parametrize("threads", ["-1", "one", "", "1.5", "9" * 5000, "२"])
def test_threads_are_auto_or_a_number(bundle: Path, threads: str) -> None:
    failed = CliRunner().invoke(app, [str(bundle), "--threads", threads])
    assert isinstance(failed.exception, TinylmError)
    assert f"--threads is {threads[:40]}; this machine has " in failed.exception.message


def endless(bundle: Path) -> subprocess.Popen[bytes]:
    command = [*DEVICE, str(bundle), "--max-tokens", "100000000", "--temperature", "0"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)


def test_ctrl_c_ends_with_130(bundle: Path) -> None:
    with endless(bundle) as process:
        assert process.stdout is not None
        assert process.stdout.read(10)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.decode() == "\nerror: interrupted\n"


def test_a_closed_pipe_ends_quietly(bundle: Path) -> None:
    with endless(bundle) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10)
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(timeout=30)
    assert (process.returncode, errors) == (0, b"")


def test_a_terminal_without_utf8_gets_replacements(make_bundle: MakeBundle) -> None:
    done = subprocess.run(
        [*DEVICE, str(make_bundle().path), "--seed", "0", "--max-tokens", "100", "--temperature", "2"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?" in done.stdout
