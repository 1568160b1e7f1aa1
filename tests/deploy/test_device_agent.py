"""The agent as a process: what ends it, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from deployments import ROOT, Device, quick_tinylm

from tinylm.deploy import session
from tinylm.deploy.device_store import Store
from tinylm.deploy.session import Session

PROGRAM = """
import sys
from tinylm.deploy import device_agent
device_agent.SILENCE_S = float(sys.argv[1])
device_agent.main("mark", "user")
"""


class Agent:
    def __init__(self, home: Path, silence_s: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(silence_s)],
            env={**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.hear()["hello"]

    def hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline().removeprefix(b"mark"))

    def ask(self, **request: object) -> Any:
        self.tell(json.dumps(request).encode() + b"\n")
        return self.hear()

    def tell(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()


def free(home: Path) -> bool:
    """Whether somebody else may deploy."""
    agent = Agent(home, 60)
    answer = agent.ask(op="lock", owner="ben@desk")
    agent.process.kill()
    agent.process.communicate()
    return answer == {"result": None}


def test_a_laptop_that_sleeps_loses_the_lock(tmp_path: Path) -> None:
    agent = Agent(tmp_path, 0.5)
    assert agent.ask(op="lock", owner="ana@laptop") == {"result": None}
    assert not free(tmp_path) or agent.process.poll() is not None
    assert agent.process.wait(timeout=30) == 4  # its input is open still, and silent
    assert free(tmp_path)
    agent.process.communicate()


def test_the_end_of_the_connection_ends_it(tmp_path: Path) -> None:
    agent = Agent(tmp_path, 60)
    assert agent.ask(op="lock", owner="ana@laptop") == {"result": None}
    assert agent.process.stdin is not None
    agent.process.stdin.close()
    assert agent.process.wait(timeout=30) == 0
    assert free(tmp_path)


def test_half_a_file_that_was_sent_is_not_written(tmp_path: Path) -> None:
    agent = Agent(tmp_path, 60)
    head = json.dumps({"op": "write", "ident": "a-1", "name": "f", "offset": 0, "bytes": 100}).encode()
    agent.tell(head + b"\n" + b"x" * 50)
    agent.process.communicate()
    assert not (tmp_path / ".local/share/tinylm/releases").exists()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"op": "nonsense"}, "request"),
        ({"op": "switch", "ident": "a-1", "record": {}}, "release"),
        ({"op": "seal", "ident": "a-1", "files": {}}, "ENOENT"),
    ],
)
def test_what_cannot_be_done_is_told_and_it_goes_on(tmp_path: Path, request_: dict[str, object], code: str) -> None:
    agent = Agent(tmp_path, 60)
    assert agent.ask(**request_)["error"] == code
    assert agent.ask(op="facts", ident=None, files={})["result"]["current"] is None
    agent.process.communicate()
    assert Store(tmp_path / ".local/share/tinylm").current() is None


def test_a_long_check_is_kept_company(fresh: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life travel while the device is silent; it is not taken for asleep, and they disturb no later answer."""
    monkeypatch.setenv("PATH", fresh.environment()["PATH"])
    monkeypatch.setattr(session, "_PING_S", 0.05)
    python = quick_tinylm(fresh.home)
    (fresh.home / "slow").write_text("1", encoding="utf-8")
    fresh.root.mkdir(parents=True)
    with Session(fresh.target, port=fresh.port, python=str(python), system=False) as there:
        began, lines = time.monotonic(), list[str]()
        assert there.run(["bundle", "verify"], lines.append) == 0
        assert time.monotonic() - began > 1
        assert lines == ["checked"]
        assert there.ask("facts", ident=None, files={})["current"] is None
