"""The schema at /openapi.json: what schemathesis makes of it is answered as it says, and never with a 5xx.

By hand, for longer: `SCHEMATHESIS_EXAMPLES=2000 python -m pytest -s -m slow tests/serve/clients/test_openapi.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from running_server import RunningServer

needs_schemathesis = pytest.mark.skipif(
    find_spec("schemathesis") is None, reason='schemathesis is not installed: pip install -e ".[clients]"'
)

_UNDECIDABLE = "positive_data_acceptance"
"""A prompt of a valid form may be longer than the model's context, or have token ids that the model lacks: 400."""


@pytest.mark.slow
@needs_schemathesis
def test_no_case_of_schemathesis_is_answered_5xx_or_in_another_form(server: RunningServer, tmp_path: Path) -> None:
    examples = os.environ.get("SCHEMATHESIS_EXAMPLES", "30")
    words = ["--checks", "all", "--exclude-checks", _UNDECIDABLE, "--max-examples", examples, "--seed", "1"]
    words += ["--continue-on-failure", "--no-color", "--warnings", "off", "--request-timeout", "120"]
    words += ["--max-response-time", "120"]  # a text of 32,768 tokens may take longer than the 10 s of `all`
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases is not None
    print(f"schemathesis: {cases[1]} cases")
    assert int(cases[1]) > 500
    assert not [name for name in server.metrics() if 'status="5' in name]


def test_the_answers_of_every_path_have_its_schema(server: RunningServer) -> None:
    """With what schemathesis has no reason to ask for."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason='it is not installed: pip install -e ".[clients]"')
    document = server.ask("GET", "/openapi.json").document
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **document["components"]})
    messages = [{"role": "user", "content": "wa " * 100}] * 3
    asked = [
        ("/v1/completions", {"prompt": ["casa", [5, 6]], "n": 2, "logprobs": 3, "max_tokens": 4, "seed": 1}),
        ("/v1/completions", {"prompt": ["casa", [5, 6]], "n": 2, "logprobs": 3, "max_tokens": 4, "seed": 1}),
        ("/v1/chat/completions", {"messages": messages, "logprobs": True, "top_logprobs": 3, "max_tokens": 4}),
        ("/generate", {"prompt": "casa", "max_tokens": 4}),
        *((path, None) for path in ("/v1/models", "/healthz", "/readyz", "/status", "/openapi.json")),
    ]
    for path, body in asked:
        method = "get" if body is None else "post"
        reply = server.ask(method.upper(), path, body)
        schema = document["paths"][path][method]["responses"][str(reply.status)]["content"]["application/json"][
            "schema"
        ]
        assert reply.status == 200, reply.body
        jsonschema_rs.validate(schema, json.loads(reply.body))
    one = document["paths"]["/v1/models/{name}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate(one, server.ask("GET", "/v1/models/test").document)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_every_event_of_a_stream_has_its_schema(server: RunningServer, path: str) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason='it is not installed: pip install -e ".[clients]"')
    paths = server.ask("GET", "/openapi.json").document["paths"]
    event = paths[path]["post"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    end, chunk = event["properties"]["data"]["anyOf"]
    prompt = {"prompt": "casa"} if path == "/v1/completions" else {"messages": [{"role": "user", "content": "casa"}]}
    logprobs = {"logprobs": 1} if path == "/v1/completions" else {"logprobs": True, "top_logprobs": 1}
    for options in ({}, {"stream_options": {"include_usage": True}}):
        asked = {**prompt, **logprobs, **options, "stream": True, "n": 2, "max_tokens": 6}
        events = server.ask("POST", path, asked).body.decode().removesuffix("\n\n").split("\n\n")
        datas = [one.removeprefix("data: ") for one in events]
        assert datas[-1] == end["const"]
        assert len(datas) > 4
        for data in datas[:-1]:
            jsonschema_rs.validate(chunk["contentSchema"], json.loads(data))
