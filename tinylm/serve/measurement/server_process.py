"""A server as a child process: started, read through /proc, and ended whatever happens.

    with started([*command, "--port", str(free_port())]) as server:
        server.memory(), server.cpu_ns()

The kernel ends it with this process, however that ends (Linux). A bad end of the server becomes this process's own, so
that who started the probe learns how the server ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO, NoReturn

from tinylm.base.errors import TinylmError
from tinylm.base.termination import end_with_parent
from tinylm.runtime.measurement.probe import process_memory
from tinylm.runtime.measurement.protocol import ProcessMemory
from tinylm.serve.measurement.process_usage import Usage, cpu_clock, storage_read_bytes, usage

_ENDING_S = 15.0
"""For a server to end when it is told to, and for one that has broken a connection to have ended."""
_LAST_BYTES = 4000


class ServerProcess:
    """A running server; `started` makes one."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes], started_ns: int) -> None:
        self._process, self._log, self._started_ns = process, log, started_ns
        self._clock = cpu_clock(process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def since_start_ms(self) -> float:
        """Time since it was started."""
        return round((time.perf_counter_ns() - self._started_ns) / 1e6, 3)

    def memory(self) -> ProcessMemory | None:
        """Its memory now and at its peak; None where the system does not tell."""
        return process_memory(self.pid)

    def cpu_ns(self) -> int:
        """Processor time of all its threads; 0 where the system does not tell."""
        return 0 if self._clock is None else time.clock_gettime_ns(self._clock)

    def storage_read_bytes(self) -> int:
        """What it read from storage, because no cache had it; 0 where the system does not tell."""
        return storage_read_bytes(self.pid)

    def usage(self) -> Usage:
        """What it and its threads have used since they started."""
        return usage(self.pid)

    def parts(self) -> Iterator[str]:
        """The lines that it says on stdout until it closes that; it is told to go on when the next one is asked for."""
        told, said = self._process.stdin, self._process.stdout
        if told is None or said is None:
            return
        for line in said:
            yield line.decode().strip()
            with contextlib.suppress(BrokenPipeError):  # it has ended, which the next request to it tells
                told.write(b"\n")
                told.flush()

    def ended(self) -> bool:
        return self._process.poll() is not None

    def end_like_it(self, error: Exception) -> NoReturn:
        """End this process as the server ended, which `error` is a sign of.

        TinylmError when the server refused its input, RuntimeError when it ended otherwise, or has not ended.
        """
        try:
            code = self._process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"the server gave no usable answer: {error}") from error
        if code < 0:
            if -code != signal.SIGKILL:
                signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        lines = self._last_lines()
        refusal, hint = (
            next((line.removeprefix(word) for line in lines if line.startswith(word)), "") for word in _REFUSAL
        )
        if code == 2 and refusal:
            raise TinylmError(refusal, hint) from error
        raise RuntimeError(f"the server ended with code {code}: {lines[-1] if lines else 'it said nothing'}") from error

    def _last_lines(self) -> list[str]:
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _LAST_BYTES))
        return self._log.read().decode(errors="replace").strip().splitlines()


_REFUSAL = ("error: ", "hint: ")
"""How every command of tinylm says that it cannot use its input."""


@contextlib.contextmanager
def started(command: Sequence[str], *, in_parts: bool = False) -> Iterator[ServerProcess]:
    """A server for as long as the block runs; `in_parts` is one that has `parts`. OSError when it cannot be started."""
    pipe = subprocess.PIPE if in_parts else subprocess.DEVNULL
    with tempfile.TemporaryFile() as log:
        begin = time.perf_counter_ns()
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, preexec_fn=end_with_parent)
        try:
            yield ServerProcess(process, log, begin)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=_ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
