"""OpenAI's own package: what it reads out of our answers, and what it raises for our errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_server import RunningServer

openai = pytest.importorskip("openai", reason='openai is not installed: pip install -e ".[clients]"')

PROMPT = "casa sañolu"


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def model(client: openai.OpenAI) -> str:
    return client.models.list().data[0].id


def test_models_are_listed_and_found(client: openai.OpenAI, model: str) -> None:
    found = client.models.retrieve(model)
    assert (found.id, found.object, found.owned_by) == ("test", "model", "tinylm")
    assert found.model_extra is not None
    assert found.model_extra["tinylm"]["context_length"] == 256
    with pytest.raises(openai.NotFoundError, match="no model `other` is served"):
        client.models.retrieve("other")


def test_a_stream_is_the_whole_answer_in_pieces(client: openai.OpenAI, model: str) -> None:
    asked = {"model": model, "prompt": PROMPT, "max_tokens": 24, "temperature": 0.8, "seed": 5}
    whole = client.completions.create(**asked)
    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text != ""
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices == []
    assert whole.usage is not None
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens == 24
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + 24
    assert len({chunk.id for chunk in chunks}) == 1
    without = list(client.completions.create(**asked, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in without)


def test_a_chat_streams_its_role_first_and_its_reason_last(client: openai.OpenAI, model: str) -> None:
    messages = [{"role": "system", "content": "Sé breve."}, {"role": "user", "content": "¿Qué?"}]
    asked = {"model": model, "messages": messages, "max_completion_tokens": 12, "temperature": 0}
    whole = client.chat.completions.create(**asked)
    assert whole.choices[0].message.role == "assistant"
    chunks = list(client.chat.completions.create(**asked, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["length"]


def test_the_helper_for_streams_puts_the_same_answer_together(client: openai.OpenAI, model: str) -> None:
    messages = [{"role": "user", "content": "casa"}]
    asked = {"model": model, "messages": messages, "max_tokens": 12, "seed": 1, "n": 2}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked) as stream:
        for _ in stream:
            pass
        put_together = stream.current_completion_snapshot  # the final one is refused after `length`
    assert [one.message.content for one in put_together.choices] == [one.message.content for one in whole.choices]


def test_the_same_seed_gives_the_same_texts_and_each_choice_its_own(client: openai.OpenAI, model: str) -> None:
    asked = {"model": model, "prompt": PROMPT, "max_tokens": 16, "temperature": 1, "seed": 7}
    several = client.completions.create(**asked, n=3)
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    assert len({choice.text for choice in several.choices}) == 3
    assert several.choices[0].text == client.completions.create(**asked).choices[0].text
    assert several.usage is not None
    assert several.usage.completion_tokens == 3 * 16


def test_a_text_ends_before_what_stops_it(client: openai.OpenAI, model: str) -> None:
    asked = {"model": model, "prompt": PROMPT, "max_tokens": 40, "temperature": 0}
    text = client.completions.create(**asked).choices[0].text
    stop = text[len(text) // 2 :][:2]
    choice = client.completions.create(**asked, stop=[stop, "never"]).choices[0]
    assert choice.finish_reason == "stop"
    assert choice.text == text[: text.index(stop)]


def test_logprobs_are_of_the_tokens_that_are_the_text(client: openai.OpenAI, model: str) -> None:
    messages = [{"role": "user", "content": "casa"}]
    chat = client.chat.completions.create(
        model=model, messages=messages, max_tokens=8, temperature=0, logprobs=True, top_logprobs=3
    )
    logprobs = chat.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert b"".join(bytes(token.bytes or []) for token in logprobs.content).decode(errors="replace") == (
        chat.choices[0].message.content
    )
    for token in logprobs.content:
        alternatives = [one.logprob for one in token.top_logprobs]
        assert alternatives == sorted(alternatives, reverse=True)
        assert token.logprob == alternatives[0] < 0  # temperature 0 takes the likeliest
    plain = client.completions.create(model=model, prompt="casa", max_tokens=8, temperature=0, logprobs=2)
    shown = plain.choices[0].logprobs
    assert shown is not None
    assert shown.tokens is not None
    assert shown.token_logprobs is not None
    assert len(shown.tokens) == len(shown.token_logprobs) == 8


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"temperature": -1}, "temperature"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"extra_body": {"mirostat": 2}}, "mirostat"),
        ({"logprobs": True, "top_logprobs": 20, "max_tokens": 480}, "logprobs"),  # 10,080 of them
    ],
)
def test_what_cannot_be_honoured_is_a_bad_request_by_name(
    client: openai.OpenAI, model: str, asked: dict[str, object], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "casa"}], **asked)
    assert refused.value.param == param
    assert f"`{param}`" in refused.value.message
    assert refused.value.request_id


def test_parameters_of_other_local_servers_go_in_extra_body(client: openai.OpenAI, model: str) -> None:
    extra = {"top_k": 1, "repetition_penalty": 1.0, "ignore_eos": True}
    greedy = client.completions.create(model=model, prompt=PROMPT, max_tokens=8, temperature=0)
    drawn = client.completions.create(model=model, prompt=PROMPT, max_tokens=8, temperature=2, extra_body=extra)
    assert drawn.choices[0].text == greedy.choices[0].text


def test_each_error_is_the_exception_that_the_package_has_for_it(served_bundle: Path, tmp_path: Path) -> None:
    token, log = tmp_path / "token", tmp_path / "log"
    token.write_text("a-token-of-some-length\n")
    token.chmod(0o600)
    options = ("--token-file", str(token), "--rate", "6", "--max-body", "2000")
    with RunningServer(served_bundle, log=log, options=options) as server:

        def client(key: str) -> openai.OpenAI:
            return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0, timeout=30)

        with client("wrong-token-of-some-length") as stranger, pytest.raises(openai.AuthenticationError):
            stranger.models.list()
        with client("a-token-of-some-length") as known:
            assert known.models.list().data[0].id == "test"
            with pytest.raises(openai.NotFoundError, match="no model `other`"):
                known.completions.create(model="other", prompt="casa")
            with pytest.raises(openai.APIStatusError) as large:
                known.completions.create(model="test", prompt="casa" * 1000)
            assert large.value.status_code == 413
            with pytest.raises(openai.BadRequestError) as long:
                known.completions.create(model="test", prompt="wa " * 600)
            assert long.value.code == "context_length_exceeded"
            with pytest.raises(openai.RateLimitError) as often:  # some of six requests have been made
                [known.completions.create(model="test", prompt="casa", max_tokens=1) for _ in range(9)]
            assert 0 < int(often.value.response.headers["retry-after"]) <= 60


@pytest.mark.slow
def test_a_client_waits_as_the_server_says_and_asks_again(served_bundle: Path, tmp_path: Path) -> None:
    with (
        RunningServer(served_bundle, log=tmp_path / "log", options=("--rate", "60")) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=3, timeout=30) as client,
    ):
        for _ in range(63):  # more than there may be at once: some of them meet a 429 and try again
            client.completions.create(model="test", prompt="casa", max_tokens=1)
        statuses = [json.loads(line)["status"] for line in server.said().splitlines() if line.startswith("{")]
        assert statuses.count(200) >= 62  # the log of the last may be on its way
        assert 429 in statuses


def test_a_stream_that_is_cut_is_a_connection_error(served_bundle: Path, tmp_path: Path) -> None:
    with (
        RunningServer(served_bundle, log=tmp_path / "log") as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=30) as client,
    ):
        asked = {"model": "test", "prompt": "casa", "max_tokens": 32768, "extra_body": {"ignore_eos": True}}
        stream = client.completions.create(**asked, stream=True)
        assert next(iter(stream)).choices[0].text is not None
        server.kill()
        with pytest.raises(openai.APIConnectionError):
            for _ in stream:
                pass


def test_a_stream_that_the_server_ends_is_an_error_that_says_so(served_bundle: Path, tmp_path: Path) -> None:
    with (
        RunningServer(served_bundle, log=tmp_path / "log", options=("--grace", "0.2")) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=30) as client,
    ):
        asked = {"model": "test", "prompt": "casa", "max_tokens": 32768, "extra_body": {"ignore_eos": True}}
        stream = client.completions.create(**asked, stream=True)
        next(iter(stream))
        assert server.process.poll() is None
        server.process.terminate()
        with pytest.raises(openai.APIError, match="the server is shutting down"):
            for _ in stream:
                pass


def test_a_client_that_leaves_a_stream_is_noticed(client: openai.OpenAI, model: str, server: RunningServer) -> None:
    cancelled = 'tinylm_answers_total{reason="cancelled"}'
    before = server.metrics().get(cancelled, 0)
    stream = client.completions.create(
        model=model, prompt="casa", max_tokens=32768, stream=True, extra_body={"ignore_eos": True}
    )
    next(iter(stream))
    stream.close()
    assert server.becomes_idle()
    assert server.metrics().get(cancelled, 0) == before + 1
