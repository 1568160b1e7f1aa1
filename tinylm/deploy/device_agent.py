"""What runs on the device while somebody deploys to it: sent as text over ssh, run by its Python, never installed.

A request is a line of JSON, `bytes` of it raw behind it; so is an answer, after a mark that tells it from what a start
file prints. It ends when the connection does, or when nothing is heard for `SILENCE_S`, as of a laptop that sleeps; so
the lock that it holds outlives no deployer.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tinylm.deploy.device_store import Refused, Store  # sent along, under this name

SILENCE_S = 120.0
_OPERATIONS = ("facts", "lock", "repair", "take", "seal", "switch", "prune", "remove", "put_budget")


class Connection:
    """Standard input and output."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._held = b""

    def request(self) -> tuple[dict[str, Any], bytes]:
        """The next request, and the bytes that came with it."""
        while True:
            while b"\n" not in self._held:
                self._hear(SILENCE_S)
            line, self._held = self._held.split(b"\n", 1)
            request: dict[str, Any] = json.loads(line)
            size = request.pop("bytes", 0)
            while len(self._held) < size:
                self._hear(SILENCE_S)
            data, self._held = self._held[:size], self._held[size:]
            if request["op"] != "ping":
                return request, data

    def answer(self, **content: object) -> None:
        data = f"{self._mark}{json.dumps(content)}\n".encode()
        while data:
            data = data[os.write(1, data) :]

    def run(self, arguments: list[str], folder: Path) -> int:
        """`tinylm` with `arguments`, what it prints as answers `text`; its exit code. It ends with the connection."""
        command = [sys.executable, "-m", "tinylm", *arguments]
        # Nothing in `folder` is taken for a module of Python's.
        child = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert child.stdout is not None
        pipe, heard = child.stdout.fileno(), time.monotonic()
        try:
            while True:
                ready, _, _ = select.select([0, pipe], [], [], 1)
                if 0 in ready:  # pings, to be read with the next request
                    self._hear(0)
                    heard = time.monotonic()
                if time.monotonic() - heard > SILENCE_S:
                    raise SystemExit(4)
                if pipe in ready:
                    text = os.read(pipe, 4096)
                    if not text:
                        code = child.wait()
                        return code if code >= 0 else 128 - code
                    self.answer(text=text.decode(errors="replace"))
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)

    def _hear(self, timeout_s: float) -> None:
        """More of what the other side says; the end of this process when that is nothing."""
        if not select.select([0], [], [], timeout_s)[0]:
            raise SystemExit(4)
        data = os.read(0, 1 << 20)
        if not data:
            raise SystemExit(0)
        self._held += data


def serve(store: Store, connection: Connection) -> None:
    """Do what is asked, until nobody asks any more."""
    while True:
        request, data = connection.request()
        operation = request.pop("op")
        try:
            if operation == "run":
                connection.answer(result=connection.run(request["arguments"], store.root))
            elif operation == "write":
                connection.answer(result=store.write(**request, data=data))  # type: ignore[func-returns-value]
            elif operation in _OPERATIONS:
                connection.answer(result=getattr(store, operation)(**request))
            else:
                raise Refused("request", f"`{operation}` is not known")
        except Refused as refused:
            connection.answer(error=refused.code, words=str(refused))
        except OSError as error:
            connection.answer(error=errno.errorcode.get(error.errno or 0, "OSError"), words=str(error))


def main(mark: str, where: str) -> None:
    """`where` is `system` or `user`."""
    os.umask(0o022)
    root = Path("/opt/tinylm") if where == "system" else Path("~/.local/share/tinylm").expanduser()
    connection = Connection(mark)
    try:
        import tinylm
    except ImportError:
        connection.answer(hello=None)
    else:
        connection.answer(hello=tinylm.__version__)
    serve(Store(root), connection)
