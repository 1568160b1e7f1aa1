"""The process: how it starts, what it says, how it ends, and what it holds."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tinylm.bundle.reading import Bundle

MODULE = [sys.executable, "-P", "-m", "tinylm.serve"]
COMMAND = [sys.executable, "-m", "tinylm", "serve"]
LONG = {"prompt": "casa", "max_tokens": 32_768, "ignore_eos": True}


class Process:
    """A server in a process of its own; `said` is its first lines on stderr."""

    def __init__(self, process: subprocess.Popen[str], port: int, said: str) -> None:
        self.process, self.port, self.said = process, port, said

    def begin(self, document: dict[str, Any]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/v1/completions", json.dumps(document), {"content-type": "application/json"})
        return connection.getresponse()

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


@contextlib.contextmanager
def started(command: list[str], *options: str) -> Iterator[Process]:
    process = subprocess.Popen([*command, "--threads", "1", *options], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        said = ""
        while " at http://" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        yield Process(process, int(said.partition(" at http://")[2].split(",")[0].rpartition(":")[2]), said)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def failed(*options: str) -> str:
    done = subprocess.run([*MODULE, *options], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_command_becomes_the_server_which_a_signal_ends_in_order(bundle: Bundle, number: signal.Signals) -> None:
    with started(COMMAND, str(bundle.path), "--port", "0") as own:
        assert own.said.startswith("serving test at http://127.0.0.1:")
        assert own.get("/readyz") == (200, {"status": "ready"})
        with Path(f"/proc/{own.process.pid}/cmdline").open("rb") as file:
            assert b"-m\0tinylm.serve\0" in file.read()
        with Path(f"/proc/{own.process.pid}/maps").open() as file:
            assert not any("/numpy/" in line or "onnxruntime" in line for line in file)
        own.process.send_signal(number)
        assert own.process.wait(20) == 0


def test_what_runs_ends_by_itself_or_is_told(bundle: Bundle) -> None:
    with started(MODULE, str(bundle.path), "--port", "0", "--grace", "1", "--parallel", "2") as own:
        short = own.begin({**LONG, "max_tokens": 1500, "stream": True})
        endless = own.begin({**LONG, "stream": True, "n": 8})
        assert short.readline()
        assert endless.readline()
        own.process.terminate()
        assert short.read().endswith(b"data: [DONE]\n\n")
        last = endless.read().strip().split(b"\n\n")[-1]
        error = json.loads(last.removeprefix(b"data: "))["error"]
        assert (error["type"], error["code"]) == ("server_error", "shutting_down")
        with pytest.raises(ConnectionError):
            own.get("/readyz")
        assert own.process.wait(20) == 0


def test_a_second_signal_ends_at_once(bundle: Bundle) -> None:
    with started(MODULE, str(bundle.path), "--port", "0", "--grace", "600", "--timeout", "600") as own:
        assert own.begin({**LONG, "stream": True, "n": 8}).readline()
        own.process.terminate()
        assert own.process.stderr
        while "ending" not in own.process.stderr.readline():
            pass
        own.process.terminate()
        assert own.process.wait(20) == -signal.SIGTERM


def test_what_is_ignored_stays_so_while_it_ends(bundle: Bundle) -> None:
    """As under nohup: the terminal goes away after somebody has ended the server."""
    with started(["nohup", *MODULE], str(bundle.path), "--port", "0", "--grace", "1") as own:
        assert own.begin({**LONG, "stream": True, "n": 8}).readline()
        own.process.terminate()
        assert own.process.stderr
        while "ending" not in own.process.stderr.readline():
            pass
        own.process.send_signal(signal.SIGHUP)
        assert own.process.wait(20) == 0


def test_a_server_whose_log_nobody_reads_any_more_serves_and_ends_in_order(bundle: Bundle) -> None:
    """As under `2>&1 | head`, or when its terminal is closed."""
    with started(MODULE, str(bundle.path), "--port", "0") as own:
        assert own.process.stderr
        own.process.stderr.close()
        assert own.get("/readyz") == (200, {"status": "ready"})
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(30) == 0


def test_a_server_that_was_killed_starts_again_on_its_port(bundle: Bundle) -> None:
    with started(MODULE, str(bundle.path), "--port", "0") as own:
        response = own.begin({**LONG, "stream": True})
        assert response.readline()
        own.process.kill()
        own.process.wait()
        with started(MODULE, str(bundle.path), "--port", str(own.port)) as again:
            assert again.get("/healthz")[0] == 200


def test_a_taken_port_is_told_with_who_has_it(bundle: Bundle) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = failed(str(bundle.path), "--port", str(port))
    assert f"error: port {port} of 127.0.0.1 is taken by process {os.getpid()} (" in said
    assert f"--port {port + 1}" in said


def test_what_cannot_be_used_is_told(bundle: Bundle, tmp_path: Path) -> None:
    assert "no bundle at" in failed(str(tmp_path / "nothing"), "--port", "0")
    assert "is no address of this machine" in failed(str(bundle.path), "--host", "192.0.2.1")
    assert "holds the same bundle as" in failed(str(bundle.path), str(bundle.path), "--port", "0")
    assert "--parallel is 0; 1 to 64" in failed(str(bundle.path), "--parallel", "0")
    assert "--port is 70000" in failed(str(bundle.path), "--port", "70000")
    assert "unrecognized arguments: --prot" in failed(str(bundle.path), "--prot", "1")
    assert "this machine has" in failed(str(bundle.path), "--threads", "99", "--port", "0")
    assert "needs about" in failed(str(bundle.path), "--port", "0", "--parallel", "64", "--budget", _small(tmp_path))


def _small(folder: Path) -> str:
    """A budget of less memory than a Python takes."""
    from tinylm.budget.spec.budget import load_budget

    file = folder / "small.toml"
    shipped = (Path(__file__).parents[2] / "budgets" / "host.toml").read_text(encoding="utf-8")
    limit = load_budget("host").limits.peak_rss_mb
    assert f"peak_rss_mb = {limit:g}" in shipped
    tight = shipped.replace(f"peak_rss_mb = {limit:g}", "peak_rss_mb = 12")
    file.write_text(tight, encoding="utf-8")
    return str(file)


def test_beyond_this_machine_a_token_is_made_and_kept(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shown = set()
    for _ in range(2):
        with started(MODULE, str(bundle.path), "--port", "0", "--host", "0.0.0.0") as own:
            assert own.process.stderr
            shown.add(own.process.stderr.readline())
            assert own.get("/v1/models")[0] == 401
    (said,) = shown
    file = tmp_path / "tinylm" / "serve-token"
    assert said == f"the token is in {file}\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_bundle_that_changes_is_served_as_it_was(bundle: Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    copy.mkdir()
    for file in bundle.path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with started(MODULE, str(copy), "--port", "0") as own:
        before = json.loads(own.begin({"prompt": "casa", "temperature": 0, "max_tokens": 4, "n": 2}).read())["choices"]
        for file in copy.iterdir():
            file.write_bytes(b"")
        assert own.get("/status")[1]["changed"] == ["test"]
        after = json.loads(own.begin({"prompt": "casa", "temperature": 0, "max_tokens": 4, "n": 2}).read())["choices"]
        assert before == after


def test_it_holds_nothing_of_the_command_line(bundle: Bundle) -> None:
    code = f"""
import sys, threading, os, signal, time
from tinylm.serve.server import serve
from tinylm.serve.settings import ServeSettings
from pathlib import Path
threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
serve([Path({str(bundle.path)!r})], ServeSettings(port=0, threads="1"))
held = {{name.split(".")[0] for name in sys.modules}}
print(sorted(held & {{"typer", "rich", "numpy", "onnxruntime", "psutil", "jinja2", "websockets", "prometheus_client"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
