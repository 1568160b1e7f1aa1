"""What docs/serve.md shows is what a server answers: its calls of curl, run by curl."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from http_server import Served

_PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
_CALLS = [call.replace("\\\n", " ") for call in re.findall(r"^curl (?:.*\\\n)*.*$", _PAGE, re.MULTILINE)]


def test_there_are_examples() -> None:
    assert len(_CALLS) >= 4


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: install it")
@pytest.mark.parametrize("call", _CALLS)
def test_the_examples_are_answered(served: Served, call: str) -> None:
    command = shlex.split(call.replace("127.0.0.1:8000", f"127.0.0.1:{served.port}"))
    done = subprocess.run([*command, "--silent", "--fail-with-body"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("data: [DONE]\n\n") if '"stream"' in call else json.loads(done.stdout)
