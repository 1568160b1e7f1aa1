"""Every error of the command line looks the same, names options as people type them, and ends with the right code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import COMMANDS, run

from tinylm.bundle.reading import Bundle

ERROR = re.compile(r"\Aerror: [^\n]+\n(\nhint: [^\n]+(\n    [^\n]+)*\n)?\Z")
NUMBERS = [
    (words, parameter)
    for words, command in COMMANDS.items()
    for parameter in command.params
    if parameter.param_type_name == "option"
    and re.search(r"\b(int|float)\b", str(parameter.type_descriptor.annotation))
]
EARLY = {("train",): ["--corpus", "nowhere.txt"], ("corpus",): ["--corpus", "nowhere.txt"]}
"""Commands that would work with every value that is right, and what stops them before they do.

`train-pipeline` has the options of `train` from the same place."""


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(*arguments) == 2
    out, error = capsys.readouterr()
    assert (out, bool(ERROR.match(error))) == ("", True), error
    return error


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["generat"], "`tinylm` has no command `generat`", "did you mean `generate`?"),
        (["bundle", "shw"], "`tinylm bundle` has no command `shw`", "did you mean `show`?"),
        (["generate", "--promt", "a"], "no such option: --promt", "did you mean `--prompt`?"),
        (["generate", "--qqqq"], "no such option: --qqqq", None),
        (["generate", "--max-tokens", "ten"], "--max-tokens is `ten`; it should be a valid integer", None),
        (
            ["generate", "--backend", "gpu"],
            "--backend is `gpu`; it should be one of `auto`, `native`, `onnxruntime`",
            None,
        ),
        (["budget", "simulate", "--devices", "0"], "--devices is `0`; it should be greater than or equal to 1", None),
        (["budget", "check"], "missing argument 'NAME|FILE'", None),
        (["bundle", "show", "a", "b"], "`tinylm bundle show` has no use for `b`", None),
        (
            ["train-pipeline", "my", "texts"],
            "`tinylm train-pipeline` has no use for `my texts`",
            "text is named by an option: --corpus 'my texts'",
        ),
        (["generate", "--prompt"], "option '--prompt' requires an argument", None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: list[str], error: str, hint: str | None) -> None:
    words = next((words for words in COMMANDS if (*words,) == (*arguments[: len(words)],)), ())
    hint = hint or f"`tinylm {' '.join(words)} --help` explains"
    text = refused(capsys, *arguments)
    assert text.startswith(f"error: {error}\n\nhint: {hint}")


@pytest.mark.parametrize("value", ["x", ""])
@pytest.mark.parametrize(("words", "parameter"), NUMBERS, ids=lambda v: " ".join(v) if isinstance(v, tuple) else v.name)
def test_what_is_no_number_is_named_with_its_option(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], parameter: object, value: str
) -> None:
    option = parameter.opts[0]  # type: ignore[attr-defined]
    assert refused(capsys, *words, option, value).startswith(f"error: {option} is `{value}`; it should be a valid ")


TRAINED = [(words, parameter) for words, parameter in NUMBERS if words in EARLY or words == ("profile",)]


@pytest.mark.parametrize("value", ["-1", "0", "nan", "1e30", "99999999999999999999"])
@pytest.mark.parametrize(("words", "parameter"), TRAINED, ids=lambda v: " ".join(v) if isinstance(v, tuple) else v.name)
def test_no_error_names_what_only_python_knows(
    capsys: pytest.CaptureFixture[str],
    make_bundle: Callable[..., Bundle],
    words: tuple[str, ...],
    parameter: object,
    value: str,
) -> None:
    """Whether the value is refused or what stops the command comes first: `batch_size` is nothing that people type."""
    bundle = [str(make_bundle().path / "nowhere")] if words == ("profile",) else []
    option = parameter.opts[0]  # type: ignore[attr-defined]
    text = refused(capsys, *words, *bundle, option, value, *EARLY.get(words, []))
    assert not re.search(r"`[a-z0-9]+(_[a-z0-9]+)+`", text), text
    if "nowhere" not in text:
        assert option in text


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (
            ["--batch-size", "7", "--accumulation-steps", "2"],
            "--batch-size 7 does not split into as many parts as --accumulation-steps says: 2",
        ),
        (
            ["--warmup-fraction", "0.9", "--decay-fraction", "0.5"],
            "--warmup-fraction 0.9 must lie below --decay-fraction",
        ),
        (["--min-lr", "0.9"], "--min-lr is 0.9"),
        (["--max-seq-length", "0"], "--max-seq-length is 0"),
        (["--vocab-size", "1"], "--vocab-size is 1"),
        (["--near-duplicates", "2"], "--near-duplicates is 2.0"),
        (["--checkpoint-minutes", "-1"], "--checkpoint-minutes is -1.0"),
        (["--seed", "-1"], "--seed is -1; 0 or more is needed"),
        (["--patience", str(2**63)], "--patience is 9223372036854775808; at most 9223372036854775807 is read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_depend_on_one_another(capsys: pytest.CaptureFixture[str], options: list[str], named: str) -> None:
    assert named in refused(capsys, "train", *options, "--corpus", "nowhere.txt")


def test_no_command_shows_the_help_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("bundle",), ("budget",), ("virtual-pi",)):
        assert run(*words) == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert "Commands:" in error


def test_a_prompt_in_the_place_of_a_bundle_is_told_how(
    capsys: pytest.CaptureFixture[str], make_bundle: Callable[..., Bundle]
) -> None:
    text = refused(capsys, "generate", "Once upon")
    assert text == (
        f"error: `Once upon` is no bundle and no run: there is no such folder in `{Path.cwd()}`\n"
        "\nhint: to begin a text with it: tinylm generate --prompt 'Once upon'; `tinylm runs` shows what is there\n"
    )
    assert "tinylm generate --prompt 'Once upon'" in refused(capsys, "generate", "Once", "upon")
    bundle = make_bundle().path
    assert f"tinylm generate {bundle} --prompt 'the way'" in refused(capsys, "generate", str(bundle), "the way")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_folder_that_may_not_be_read_is_no_traceback(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir(mode=0o000)
    assert "Permission denied" in refused(capsys, "report")


def test_the_runtime_alone_has_the_same_errors() -> None:
    for arguments, message in (
        ([], "the following arguments are required: bundle"),
        (["b", "--max-tokens", "x"], "argument --max-tokens: invalid int value: 'x'"),
        (["b", "--nothing"], "unrecognized arguments: --nothing"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tinylm.runtime", *arguments], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (f"error: {message}\n\nhint: `python -m tinylm.runtime --help` explains the options\n")
