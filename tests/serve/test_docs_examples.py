"""What docs/serve.md shows is what a server answers: its calls of curl, run by curl, and its limits."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from http_server import Served

from tinylm.runtime.generation import MAX_TEXT_CHARACTERS
from tinylm.serve.api.json_body import MAX_DEPTH
from tinylm.serve.api.parameters import MAX_LOGPROBS, MAX_STOP_CHARACTERS, MAX_STOPS
from tinylm.serve.body import BODY_S
from tinylm.serve.guard import MAX_HEAD_BYTES
from tinylm.serve.protocol import HEAD_S, MAX_CONNECTIONS, MAX_CONNECTIONS_OF_ONE, STALLED_S
from tinylm.serve.settings import ServeSettings

_PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
_CALLS = [call.replace("\\\n", " ") for call in re.findall(r"^curl (?:.*\\\n)*.*$", _PAGE, re.MULTILINE)]


def test_limits_are_those_that_hold() -> None:
    assert f"at most {MAX_LOGPROBS:,} of them" in _PAGE
    for limit, is_ in (
        ("texts at the same time", f"`--parallel`, {ServeSettings().parallel}"),
        ("requests that wait", f"`--queue`, {ServeSettings().queue}"),
        ("seconds to wait and compute", f"`--timeout`, {ServeSettings().timeout:g}"),
        ("bytes of a body", f"`--max-body`, {ServeSettings().max_body:,}"),
        ("bytes of headers", f"{MAX_HEAD_BYTES:,}"),
        ("seconds for a head, for a body", f"{HEAD_S:g}, {BODY_S:g}"),
        ("seconds that a client does not read its answer", f"{STALLED_S:g}"),
        ("connections, of one other machine", f"{MAX_CONNECTIONS}, {MAX_CONNECTIONS_OF_ONE}"),
        ("levels of JSON", f"{MAX_DEPTH}"),
        ("characters of a prompt", f"{MAX_TEXT_CHARACTERS:,}"),
        ("characters of a stop text, stop texts", f"{MAX_STOP_CHARACTERS:,}, {MAX_STOPS}"),
    ):
        assert f"| {limit} | {is_} |" in _PAGE


def test_there_are_examples() -> None:
    assert len(_CALLS) >= 4


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: install it")
@pytest.mark.parametrize("call", _CALLS)
def test_the_examples_are_answered(served: Served, call: str) -> None:
    command = shlex.split(call.replace("127.0.0.1:8000", f"127.0.0.1:{served.port}"))
    done = subprocess.run([*command, "--silent", "--fail-with-body"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("data: [DONE]\n\n") if '"stream"' in call else json.loads(done.stdout)
