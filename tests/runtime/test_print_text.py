"""Where a prompt comes from: the option, a pipe, a file; what is no text is refused, and silence is not waited for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.runtime.print_text import read_prompt

READ = "from tinylm.runtime.print_text import read_prompt; print(ascii(read_prompt({given!r})))"


def read(given: str | None, stdin: bytes | int) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", READ.format(given=given)]
    if isinstance(stdin, int):
        return subprocess.run(program, stdin=stdin, capture_output=True, text=True, check=False)
    done = subprocess.run(program, input=stdin, capture_output=True, check=False)
    return subprocess.CompletedProcess(program, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    ("said", "prompt"),
    [
        (b"Once upon\n", "Once upon"),
        (b"Once upon", "Once upon"),
        (b"Once\r\n", "Once"),
        (b"Once\n\n", "Once\n"),
        (b" two  spaces \n", " two  spaces "),
        ("Había una vez\n".encode(), "Había una vez"),
        (b"", ""),
    ],
)
@pytest.mark.parametrize("given", [None, "-"])
def test_a_pipe_is_the_prompt(given: str | None, said: bytes, prompt: str) -> None:
    done = read(given, said)
    assert (done.stdout, done.stderr) == (ascii(prompt) + "\n", "")


@pytest.mark.parametrize("given", [None, "-"])
def test_a_file_is_the_prompt(given: str | None, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all,\nhello\n")
    with (tmp_path / "letter.txt").open() as file:
        assert read(given, file.fileno()).stdout == ascii("Dear all,\nhello") + "\n"


@pytest.mark.parametrize("given", ["Once", ""])
def test_what_is_given_leaves_standard_input_alone(given: str) -> None:
    assert read(given, b"\xff not read").stdout == ascii(given) + "\n"


def test_the_null_device_says_nothing() -> None:
    done = read(None, subprocess.DEVNULL)
    assert (done.stdout, done.stderr) == ("''\n", "")


def test_a_pipe_that_is_silent_is_not_waited_for() -> None:
    """A service or an ssh connection holds standard input open and never writes."""
    reading, writing = os.pipe()
    done = read(None, reading)
    os.close(reading)
    os.close(writing)
    assert done.stdout == "''\n"
    assert done.stderr == ("note: nothing came on standard input, so there is no prompt; `--prompt -` waits for it\n")


def test_a_dash_waits_for_a_slow_pipe() -> None:
    program = f"from tinylm.runtime import print_text; print_text._PATIENCE_S = 0.01; print('up', flush=True); {READ}"
    with subprocess.Popen(
        [sys.executable, "-c", program.format(given="-")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        time.sleep(0.2)  # longer than the patience with a pipe that was not asked for
        assert process.communicate("late\n")[0] == "'late'\n"


@pytest.mark.parametrize(
    ("given", "stdin", "message"),
    [
        (None, b"Ni\xf1o", "the prompt on standard input is not UTF-8 text: byte 3 cannot be decoded"),
        ("-", b"x" * 100_001, "the prompt on standard input has 100001 characters; at most 100000 are read"),
        ("-", "ñ".encode() * 300_000, "the prompt on standard input has 200001 characters; at most 100000 are read"),
        ("x" * 100_001, b"", "--prompt has 100001 characters; at most 100000 are read"),
    ],
)
def test_what_is_no_prompt_is_refused(given: str | None, stdin: bytes, message: str) -> None:
    done = read(given, stdin)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"tinylm.base.errors.TinylmError: {message}"


@given(st.text(max_size=200).filter(lambda text: not text.endswith(("\r", "\n"))))
def test_any_text_comes_through_a_pipe_unchanged(text: str) -> None:
    said = text.encode(errors="replace")
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, pytest.MonkeyPatch.context() as patched:
        os.write(writing, said)
        os.close(writing)
        patched.setattr(sys, "stdin", pipe)
        assert read_prompt("-") == said.decode()
