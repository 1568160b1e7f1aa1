"""A server in a process of its own: when it answers first, and the memory of all its processes.

server = Server([python, "-m", "uvicorn", ...], port=port, folder=folder, core=1)
ready_ms = server.start(b"GET", "/readyz")
server.resident()["rss_mb"]
server.stop()
"""

import http.client
import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
MOST_START_S = 60
MOST_STOP_S = 10


class Failed(Exception):
    """A server that does not start, and its last words."""


def free_port():
    """One that nobody has just now."""
    with socket.create_server((HOST, 0)) as taken:
        return taken.getsockname()[1]


class Server:
    """A command that serves on a port, kept to one core; it writes to `log` in its folder."""

    def __init__(self, command, *, port, folder, core, environment=None):
        self.command, self.port, self.folder, self.core = command, port, Path(folder), core
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def start(self, method, path, body=None):
        """Milliseconds from the start of the process to its first good answer; Failed when there is none."""
        begun = time.perf_counter()
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: os.sched_setaffinity(0, {self.core}),
            )
        while self.process.poll() is None and time.perf_counter() - begun < MOST_START_S:
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(HOST, self.port, timeout=MOST_START_S)
                connection.request(method, path, body)
                if connection.getresponse().status == 200:
                    connection.close()
                    return (time.perf_counter() - begun) * 1e3
            time.sleep(0.001)
        self.stop()
        words = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        raise Failed((words or ["it answers nothing"])[-1][:160])

    def resident(self):
        """What all its processes have in memory now and had at most, added up, and how many they are."""
        processes = [_status(pid) for pid in _family(self.process.pid)]
        return {
            "rss_mb": sum(status["VmRSS"] for status in processes),
            "peak_mb": sum(status["VmHWM"] for status in processes),
            "processes": len(processes),
        }

    def stop(self):
        """End it as a supervisor does, by SIGTERM."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(MOST_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def cpu_ms(pid):
    """What a process with its children and all their threads has computed."""
    tasks = [task for member in _family(pid) for task in Path(f"/proc/{member}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def _family(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _status(pid):
    """Megabytes of what /proc counts in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM")}
