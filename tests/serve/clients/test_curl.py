"""curl, as the docs show it."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from running_server import RunningServer

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt-get install curl")


COMMAND = ("curl", "--silent", "--show-error", "--max-time", "30", "--noproxy", "*")


def curl(*words: str, typed: str = "") -> str:
    done = subprocess.run([*COMMAND, *words], input=typed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_completion(server: RunningServer) -> None:
    said = curl(f"{server.url}/v1/completions", "--json", '{"prompt": "casa", "max_tokens": 12, "temperature": 0}')
    assert json.loads(said)["usage"]["completion_tokens"] == 12


def test_a_stream_is_events_that_end_with_done(server: RunningServer) -> None:
    asked = {"messages": [{"role": "user", "content": "casa"}], "max_tokens": 12, "temperature": 0, "stream": True}
    said = curl("--no-buffer", "--dump-header", "-", f"{server.url}/v1/chat/completions", "--json", json.dumps(asked))
    head, _, events = said.replace("\r\n", "\n").partition("\n\n")
    assert "content-type: text/event-stream" in head
    assert "connection: close" not in head
    lines = [line for line in events.split("\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    deltas = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"] for line in lines[:-1]]
    whole = curl(f"{server.url}/v1/chat/completions", "--json", json.dumps({**asked, "stream": False}))
    expected = json.loads(whole)["choices"][0]["message"]["content"]
    assert "".join(delta.get("content", "") for delta in deltas) == expected


def test_a_large_body_that_waits_for_permission_is_refused_at_once(server: RunningServer) -> None:
    """curl sends `Expect: 100-continue` with bodies like this one."""
    body = json.dumps({"prompt": "casa " * 500_000})
    words = ("-H", "Expect: 100-continue", "-w", "\n%{http_code}", "--json", "@-", f"{server.url}/v1/completions")
    answer, _, status = curl(*words, typed=body).rpartition("\n")
    assert status == "413"
    assert json.loads(answer)["error"]["code"] == "body_too_large"


def test_two_requests_share_a_connection(server: RunningServer) -> None:
    said = curl("-w", "%{num_connects}\n", f"{server.url}/healthz", f"{server.url}/healthz")
    assert said.count('{"status": "ok"}') == 2
    assert [line[-1] for line in said.splitlines()] == ["1", "0"]


def test_what_a_person_looks_at(server: RunningServer) -> None:
    for path in ("/v1/models", "/status", "/openapi.json"):
        assert json.loads(curl(f"{server.url}{path}"))
    assert "# TYPE tinylm_requests_total counter" in curl(f"{server.url}/metrics")
    assert curl("--head", "-X", "GET", f"{server.url}/").startswith("HTTP/1.1 200")
