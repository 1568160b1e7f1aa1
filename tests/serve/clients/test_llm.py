"""The `llm` command with its own client of OpenAI's API: by an address, and by models in its configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from running_server import RunningServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("llm") is None, reason='llm is not installed: pip install -e ".[clients]"'),
]

LlmCommand = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def llm(server: RunningServer, tmp_path: Path) -> LlmCommand:
    """The command, with a folder of its own in which the server's model stands twice."""
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: board\n  model_name: test\n  api_base: {server.url}/v1\n"
        f"- model_id: board-text\n  model_name: test\n  api_base: {server.url}/v1\n  completion: true\n",
        encoding="utf-8",
    )

    def run(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
        environment.pop("OPENAI_API_KEY", None)
        command = [sys.executable, "-m", "llm", *words]
        return subprocess.run(
            command, input=typed, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_a_prompt_is_answered_and_logged(llm: LlmCommand, server: RunningServer) -> None:
    messages = [{"role": "system", "content": "Sé breve."}, {"role": "user", "content": "¿Qué casa?"}]
    asked = {"messages": messages, "temperature": 0, "max_tokens": 12}
    expected = server.ask("POST", "/v1/chat/completions", asked).document["choices"][0]["message"]["content"]
    options = ("-o", "temperature", "0", "-o", "max_tokens", "12")
    for streamed in ((), ("--no-stream",)):
        done = llm("-m", "board", "-s", "Sé breve.", *options, *streamed, "¿Qué casa?")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.removesuffix("\n") == expected
    [last] = json.loads(llm("logs", "-n", "1", "--json").stdout)
    assert last["response"] == expected
    assert last["output_tokens"] == 12


def test_a_conversation_goes_on_where_it_was(llm: LlmCommand, server: RunningServer) -> None:
    options = ("-o", "temperature", "0", "-o", "max_tokens", "8")
    done = llm("chat", "-m", "board", *options, typed="casa\nluté\nexit\n")
    assert done.returncode == 0, done.stderr
    messages: list[dict[str, str]] = []
    for said in ("casa", "luté"):
        messages.append({"role": "user", "content": said})
        asked = {"messages": messages, "temperature": 0, "max_tokens": 8}
        answer = server.ask("POST", "/v1/chat/completions", asked).document["choices"][0]["message"]
        assert answer["content"] in done.stdout
        messages.append({"role": "assistant", "content": answer["content"]})


def test_a_text_is_continued(llm: LlmCommand, server: RunningServer) -> None:
    done = llm("-m", "board-text", "-o", "temperature", "0", "-o", "max_tokens", "12", "casa")
    assert done.returncode == 0, done.stderr
    assert done.stdout.removesuffix("\n") == server.complete(prompt="casa", temperature=0, max_tokens=12).text


def test_the_address_alone_is_enough(llm: LlmCommand, server: RunningServer) -> None:
    listed = llm("openai", "endpoint", f"{server.url}/v1", "--models")
    assert (listed.returncode, listed.stdout) == (0, "test\n"), listed.stderr
    done = llm("openai", "endpoint", f"{server.url}/v1", "-m", "test", "-o", "max_tokens", "4", "casa")
    assert done.returncode == 0, done.stderr
    refused = llm("openai", "endpoint", f"{server.url}/v1", "-m", "test", "-o", "presence_penalty", "1", "casa")
    assert refused.returncode == 1
    assert "`presence_penalty`" in refused.stderr
