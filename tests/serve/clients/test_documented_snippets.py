"""What docs/serve.md shows of clients, run as it stands there against a server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from running_server import RunningServer

PAGE = Path(__file__).parents[3] / "docs" / "serve.md"
_NEEDED = ("openai", "langchain_openai", "llm")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in _NEEDED),
        reason='openai, langchain-openai or llm are not installed: pip install -e ".[clients]"',
    ),
]


def snippets(language: str, server: RunningServer) -> list[str]:
    """Those that speak to a server, with its address and the name of its model."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spoken = [one for one in found if "http://127.0.0.1:8000" in one]
    return [one.replace("http://127.0.0.1:8000", server.url).replace("NAME", "test") for one in spoken]


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_snippets_print_what_the_model_writes(server: RunningServer) -> None:
    programs = snippets("python", server)
    assert len(programs) >= 2
    for program in programs:
        assert run(sys.executable, "-c", program)


def test_shell_snippets_print_what_the_server_answers(server: RunningServer, tmp_path: Path) -> None:
    lines = [line for block in snippets("bash", server) for line in re.split(r"(?<!\\)\n", block)]
    asked = [line for line in lines if server.url in line and line.startswith(("curl ", "llm "))]
    assert {line.split()[0] for line in asked} == {"curl", "llm"}
    for line in asked:
        command = line.replace("llm ", f"{sys.executable} -m llm ", 1) if line.startswith("llm ") else line
        answer = run("bash", "-c", command, LLM_USER_PATH=str(tmp_path))
        assert answer
        assert '"error"' not in answer, (line, answer)


def test_the_configuration_of_llm_is_read(server: RunningServer, tmp_path: Path) -> None:
    (configuration,) = snippets("yaml", server)
    (tmp_path / "extra-openai-models.yaml").write_text(configuration, encoding="utf-8")
    for model in ("board", "board-text"):
        assert run(sys.executable, "-m", "llm", "-m", model, "casa", LLM_USER_PATH=str(tmp_path))
