"""A device at the other end of the system's ssh: one connection, on which the agent is sent there and asked.

    with Session("pi@raspberrypi", port=None, python=None, system=False) as there:
        facts = there.ask("facts", ident=..., files=...)

Keys, agents, jump hosts, known hosts and `~/.ssh/config` are ssh's business. Files travel over the same connection, so
nothing else is needed on the device than a shell and Python. What comes from there is trusted in nothing: it is
bounded, read as data, and escaped before it is shown.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import select
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.resources import files
from types import TracebackType
from typing import IO, Any

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable
from tinylm.deploy.failures import LOST, device_failure, login_failure

_OPTIONS = ("LogLevel=ERROR", "BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=15", "ServerAliveCountMax=8")
_TARGET = re.compile(r"([A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*")
_PYTHONS = ("tinylm-venv/bin/python", "python3")
_PING_S = 15.0
_MOST_NOISE_BYTES = 1 << 20
_MOST_ANSWER_BYTES = 1 << 22
_MOST_PRINTED_BYTES = 1 << 22

# The first Python that has tinylm runs the agent, else the first that there is; a relative path is seen from the home
# folder. Nothing in the working folder is taken for a module.
_FIND = """cd /; export LC_ALL=C; found=
for with in 'import tinylm' ''; do for p in {pythons}; do
    case $p in /*) ;; */*) p=$HOME/$p ;; esac
    [ -n "$found" ] || {{ "$p" -c "import sys; sys.path[:] = filter(None, sys.path); $with" </dev/null && found=$p; }}
done; done 2>/dev/null
[ -n "$found" ] || {{ echo {mark}none; exit 0; }}
exec "$found" -c {loader} {mark} {where}"""
_LOADER = """import json, os, sys, types
sys.path[:] = filter(None, sys.path)
text = b""
while len(text) < {size}:
    part = os.read(0, {size} - len(text))
    if not part: sys.exit(3)
    text += part
for name, source in json.loads(text).items():
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
module.main(*sys.argv[1:])
"""
_SENT = ("device_store", "device_agent")


class Session:
    """A context manager; not for several threads."""

    def __init__(self, target: str, *, port: int | None, python: str | None, system: bool) -> None:
        """TinylmError when `target` is no host, nobody can log in, or there is no Python."""
        if not _TARGET.fullmatch(target):
            raise TinylmError(
                f"`{printable(target)}` is no `user@host`",
                "give any other address a `Host` name in your ssh config, and use that",
            )
        if shutil.which("ssh") is None:
            raise TinylmError("`ssh` is not installed here", "on Debian: sudo apt-get install openssh-client")
        self.target, self.port = target, port
        self.root = "/opt/tinylm" if system else "~/.local/share/tinylm"
        self._mark = f"--tinylm-{secrets.token_hex(12)}--"
        self._words = bytearray()
        self._held = b""
        source = json.dumps({f"tinylm.deploy.{name}": _source(name) for name in _SENT}).encode()
        pythons = [python.removeprefix("~/")] if python else _PYTHONS
        script = _FIND.format(
            pythons=" ".join(map(shlex.quote, pythons)),
            mark=self._mark,
            loader=shlex.quote(_LOADER.format(size=len(source))),
            where="system" if system else "user",
        )
        options = [part for option in _OPTIONS for part in ("-o", option)] + (["-p", str(port)] if port else [])
        self._ssh = subprocess.Popen(
            ["ssh", *options, "-T", "--", target, f"sh -c {shlex.quote(script)}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._ssh.stdin is not None
        assert self._ssh.stdout is not None
        assert self._ssh.stderr is not None
        self._in, self._out = self._ssh.stdin, self._ssh.stdout
        self._listener = threading.Thread(target=self._overhear, args=(self._ssh.stderr,), daemon=True)
        self._listener.start()
        self._spoke = time.monotonic()
        self._greeted = False
        try:
            self._say(source)
            self.tinylm: str | None = self._answer().get("hello")
            """The version of the tinylm there, or None."""
            if self.tinylm is not None and not re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", str(self.tinylm)):
                raise self._nonsense()
        except BaseException:
            self.close()
            raise
        self._greeted = True

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it whatever runs at its other end."""
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            self._ssh.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        self._listener.join(timeout=5)
        self._out.close()

    def ask(self, operation: str, *, data: bytes = b"", **arguments: object) -> Any:
        """The result of an operation of the agent, with `data` sent along.

        TinylmError for what the device refuses, and with exit code 3 when the connection is lost.
        """
        self._request(operation, data, arguments)
        answer = self._answer()
        if set(answer) != {"result"}:
            raise self._nonsense()
        return answer["result"]

    def run(self, arguments: list[str], show: Callable[[str], None]) -> int:
        """`tinylm` with `arguments` there, in the folder of the releases; each line that it prints goes to `show`."""
        self._request("run", b"", {"arguments": arguments})
        line, printed = "", 0
        while True:
            answer = self._answer()
            text = answer.get("text")
            if not isinstance(text, str):
                break
            printed += len(text)
            if printed > _MOST_PRINTED_BYTES:
                raise self._nonsense()
            *lines, line = (line + text).split("\n")
            for whole in lines:
                show(_shown(whole))
        if line:
            show(_shown(line))
        code = answer.get("result")
        if not isinstance(code, int) or not 0 <= code <= 255:
            raise self._nonsense()
        return code

    def _request(self, operation: str, data: bytes, arguments: dict[str, object]) -> None:
        self._say(json.dumps({"op": operation, "bytes": len(data), **arguments}).encode() + b"\n" + data)

    def _say(self, data: bytes) -> None:
        try:
            self._in.write(data)
            self._in.flush()
        except OSError:
            raise self._lost() from None
        self._spoke = time.monotonic()

    def _answer(self) -> dict[str, Any]:
        mark, noise = self._mark.encode(), 0
        while True:
            while b"\n" not in self._held:
                self._hear()
                if len(self._held) > _MOST_ANSWER_BYTES:
                    raise self._nonsense()
            line, self._held = self._held.split(b"\n", 1)
            before, found, told = line.partition(mark)
            noise += len(line) if not found else len(before)
            if noise > _MOST_NOISE_BYTES:
                raise self._nonsense()
            if not found:
                continue  # of a start file
            if told.strip() == b"none":
                raise TinylmError(
                    f"there is no Python on `{self.target}`",
                    "install python3 (3.11 or newer) and tinylm there, or name its interpreter with `--python`; a"
                    " program made by `tinylm export --standalone` needs none",
                )
            try:
                answer = json.loads(told)
            except (ValueError, RecursionError):
                raise self._nonsense() from None
            if not isinstance(answer, dict):
                raise self._nonsense()
            if "error" in answer:
                raise device_failure(str(answer["error"]), str(answer.get("words", "")), self.root)
            return answer

    def _hear(self) -> None:
        """More from there, and a sign of life to there in the meantime."""
        while True:
            wait_s = self._spoke + _PING_S - time.monotonic()
            ready = select.select([self._out], [], [], max(wait_s, 0))[0]
            if time.monotonic() - self._spoke >= _PING_S:
                self._request("ping", b"", {})
            if ready:
                data = os.read(self._out.fileno(), 1 << 16)
                if not data:
                    raise self._lost()
                self._held += data
                return

    def _overhear(self, stream: IO[bytes]) -> None:
        """What ssh says, such as to touch a key, is passed on; the beginning is kept to be understood."""
        for line in iter(lambda: stream.readline(4096), b""):
            if len(self._words) < 1 << 16:
                self._words += line
            print(_shown(line.decode(errors="replace").rstrip("\r\n")), file=sys.stderr, flush=True)

    def _lost(self) -> TinylmError:
        """Why nothing more comes: nobody could log in, no command is run there, or the connection broke."""
        try:
            code = self._ssh.wait(timeout=5)
        except subprocess.TimeoutExpired:  # the other end said that it says no more, and stayed
            self._ssh.kill()
            code = self._ssh.wait()
        self._listener.join(timeout=5)
        said = self._words.decode(errors="replace")
        if self._greeted:
            return TinylmError("the connection was lost", "run the same command again", exit_code=LOST)
        if code == 255:
            return login_failure(said, self.target, self.port)
        told = _shown(self._held.decode(errors="replace").strip().partition("\n")[0])[:60]
        return TinylmError(
            f"`{self.target}` lets you in and runs no command{f': it says `{told}`' if told else ''}",
            "its login shell must be a shell, and nothing may run in its place: see"
            f" `ssh {f'-p {self.port} ' if self.port else ''}{self.target} true`",
        )

    def _nonsense(self) -> TinylmError:
        return TinylmError(
            f"`{self.target}` answers what no agent of tinylm says",
            "is it the device that you mean, and nobody else's?",
        )


def _source(name: str) -> str:
    return files("tinylm.deploy").joinpath(f"{name}.py").read_text(encoding="utf-8")


def _shown(line: str) -> str:
    """A line from elsewhere, in the width that it had."""
    return "".join(printable(character) for character in line.rstrip("\r")[:4000])
