"""`tinylm chat` as people and pipes call it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chat_server import ChatServer, document, events, said

from tinylm.base.printable import printable_lines
from tinylm.bundle.reading import Bundle

COMMAND = [sys.executable, "-m", "tinylm", "chat"]
END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-_])")


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., Bundle]) -> Path:
    return make_bundle(scheme="int8", byte_fallback=True, context_length=256).path


def piped(*arguments: str, said: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_each_line_of_a_pipe_is_answered(bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    lines = f"the wa\n\n/retry\nthe \\\ncan\n/save {file}\n/exit\nnever said\n"
    options = [str(bundle), "--seed", "1", "--max-tokens", "8", "--threads", "1", "--system", "The can is out."]
    done = piped(*options, said=lines)
    assert (done.returncode, done.stderr) == (0, "")
    messages = json.loads(file.read_bytes())["messages"]
    assert [message["content"] for message in messages if message["role"] != "assistant"] == [
        "The can is out.",
        "the wa",
        "the \ncan",
    ]
    shown = done.stdout
    for message in messages:
        if message["role"] == "assistant":
            assert printable_lines(message["content"].strip()) in shown
    assert shown.endswith(f"saved: {file}\n")
    assert "\x1b" not in shown


def test_an_error_ends_a_pipe(bundle: Path) -> None:
    done = piped(str(bundle), "--threads", "1", said="/set temprature 3\nthe wa\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: there is no setting `temprature`\n\nhint: did you mean `temperature`?\n"
    latin = subprocess.run(
        [*COMMAND, str(bundle), "--threads", "1"], input=b"\xf1olu\n", capture_output=True, check=False
    )
    assert (latin.returncode, latin.stdout) == (2, b"")
    assert latin.stderr.startswith(b"error: what is said is not UTF-8 text\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "-1"], "--temperature is -1.0; 0, or 0.001 to 100 is needed"),
        (["--max-tokens", "0"], "--max-tokens is 0; at least 1 is needed"),
        (["--system", "@nothing"], "cannot read `nothing`: No such file or directory"),
        (["--threads", "0"], "--threads is 0; "),
        (["nothing"], "no bundle at `nothing`"),
        (["localhost:8000"], "`localhost:8000` is no bundle here"),
        (["http://localhost", "--threads", "2"], "--threads is for the server to choose"),
        (["http://localhost", "--backend", "native"], "--backend is for the server to choose"),
        (["http://localhost", "--token-file", "nothing"], "cannot read the token in `nothing`"),
    ],
)
def test_what_cannot_be_is_told(bundle: Path, arguments: list[str], message: str) -> None:
    named = [] if not arguments[0].startswith("--") else [str(bundle)]
    done = piped(*named, *arguments, said="the wa\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")


def test_a_server_is_talked_with_by_its_address(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.token = "s3cret-0123456789"
    answer = events(said("A\x1b]0;title\x07 \u202eB\rC\n\tD"), END)
    chat_server.replies = [answer, answer]
    done = piped(chat_server.url, said="hello\n", TINYLM_TOKEN="s3cret-0123456789")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "A\\u001b]0;title\\u0007 \\u202eB\\u000dC\n\tD\n"
    token = tmp_path / "token"
    token.write_text("s3cret-0123456789\n")
    token.chmod(0o644)
    done = piped(chat_server.url, "--token-file", str(token), said="hello\n", TINYLM_TOKEN="wrong")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: others on this machine can read the token in `{token}`")
    token.chmod(0o600)
    assert piped(chat_server.url, "--token-file", str(token), said="hello\n").stdout.startswith("A")
    assert piped(chat_server.url, said="hello\n").returncode == 2


def test_that_a_server_is_busy_is_told_meanwhile(chat_server: ChatServer) -> None:
    busy = document({"error": {"message": "queue full"}}, status=429, headers={"Retry-After": "0"})
    chat_server.replies = [busy, events(said("Yes"), END)]
    done = piped(chat_server.url, said="hello\n")
    assert (done.stdout, done.stderr) == ("Yes\n", "the server is busy; asking again in 0 s\n")


class Typist:
    """Somebody at a terminal."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self._terminal, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.shown = ""
        self.process = subprocess.Popen(
            command,
            stdin=side,
            stdout=side,
            stderr=side,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # Ctrl-C reaches whoever the terminal belongs to
            env={**os.environ, "TERM": "xterm", **environment},
        )
        os.close(side)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def sees(self, pattern: str, *, within_s: float = 30) -> str:
        """What was shown up to where it matches; it is not seen again."""
        end = time.monotonic() + within_s
        while not (found := re.search(pattern, self.shown)):
            assert time.monotonic() < end, f"no {pattern!r} in {self.shown!r}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                data = self._read()
                assert data, f"no {pattern!r} in {self.shown!r}"
                self.shown += _ESCAPES.sub("", data.decode(errors="replace")).replace("\r", "")
        seen, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return seen

    def leaves(self) -> int:
        """The exit code."""
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self._terminal], [], [], 0.1)[0]:
                self.shown += self._read().decode(errors="replace")
        return self.process.wait(10)

    def _read(self) -> bytes:
        """What was written; nothing when nobody is at the other side any more."""
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            return b""
        os.write(self._terminal, b"\x1b[1;1R" * data.count(b"\x1b[6n"))  # where the cursor is, as terminals say it
        return data

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def sit_down() -> Iterator[Callable[..., Typist]]:
    """`sit_down([...], TERM="dumb")`"""
    seated: list[Typist] = []

    def start(command: list[str], **environment: str) -> Typist:
        seated.append(Typist(command, **environment))
        return seated[-1]

    yield start
    for typist in seated:
        typist.close()


def test_a_conversation_at_a_terminal(bundle: Path, tmp_path: Path, sit_down: Callable[..., Typist]) -> None:
    file, state = tmp_path / "talk.json", tmp_path / "state"
    options = [str(bundle), "--threads", "1", "--max-tokens", "1000000", "--temperature", "1", "--seed", "1"]
    typist = sit_down([*COMMAND, *options], XDG_STATE_HOME=str(state))
    shown = typist.sees("> ")
    assert "test: 1 parameters, en es, native" in shown
    assert "It was not trained to answer: it continues the text that you write." in shown
    typist.type("\x03")
    typist.sees("Ctrl-D or /exit leaves[^>]*> ")
    typist.type("forget this")
    typist.sees("this")
    typist.type("\x03")
    typist.type('"""the\rwa"""\r')  # the answer has no end
    typist.sees(r"wa\"\"\"[\s\S]{200,}")
    typist.type("\x03")
    typist.sees(r"> [\s\S]*tokens/s, first after")  # the line below the prompt
    typist.type("/stats\r")
    typist.sees(r"tokens/s, first after .* ms, stopped")
    typist.sees("memory [\\s\\S]*> ")
    typist.type("/sav\t")
    typist.sees("/save")
    typist.type(f"{file}\r")
    typist.sees("saved: ")
    typist.type("/set max_tokens 3\r/hepl\r")
    typist.sees("hint: did you mean `/help`")
    typist.type("\x1b[A\x1b[A\x1b[A\x1b[A\r")  # /stats again
    typist.sees("memory [\\s\\S]*> ")
    typist.type("\x04")
    assert typist.leaves() == 0
    said, answer = (message["content"] for message in json.loads(file.read_bytes())["messages"])
    assert said == "the\nwa"
    assert len(answer) > 150
    history = state / "tinylm" / "chat-history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "+/hepl\n" in history.read_text(encoding="utf-8")


def test_a_plain_terminal_needs_nothing_but_python(
    bundle: Path, tmp_path: Path, sit_down: Callable[..., Typist]
) -> None:
    (tmp_path / "prompt_toolkit.py").write_text("raise ModuleNotFoundError(name='prompt_toolkit')")
    hidden = {"PYTHONPATH": str(tmp_path)}
    options = [str(bundle), "--threads", "1", "--max-tokens", "8", "--seed", "1"]
    typist = sit_down([*COMMAND, *options], TERM="dumb", **hidden)
    typist.sees("> ")
    typist.type("the wa\n")
    typist.sees("> ")
    typist.type("/hepl\n")
    typist.sees("hint: did you mean `/help`")
    typist.sees("> ")
    typist.type("\x03")
    typist.sees("Ctrl-D or /exit leaves[^>]*> ")
    typist.type("\x04")
    assert typist.leaves() == 0
    typist = sit_down([*COMMAND, *options], **hidden)
    typist.sees("error: a conversation in a terminal needs prompt_toolkit, which is not installed\n")
    assert typist.leaves() == 2
    assert 'pip install "tinylm[serve]"' in typist.shown
