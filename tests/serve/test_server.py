"""The API over a real socket: what is answered, in which shape, and that nothing a client sends is our mistake."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from http_server import Served, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinylm.bundle.reading import Bundle
from tinylm.runtime.completion import generate
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampling
from tinylm.serve.api.parameters import CHAT, COMPLETION
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


@pytest.fixture(scope="session")
def tokenizer(bundle: Bundle) -> Tokenizer:
    return Tokenizer(bundle.tokenizer)


@pytest.fixture(scope="module")
def without_bytes(make_bundle: Callable[..., Bundle]) -> Iterator[Served]:
    """A model whose tokens are all text, so that an answer is the sum of them."""
    with serving(make_bundle(scheme="int8").path) as found:
        yield found


def expected(bundle: Bundle, tokenizer: Tokenizer, prompt: str, *, seed: int, max_tokens: int = 12) -> str:
    """What the bare runtime writes."""
    sampling = Sampling.of(bundle.manifest.generation, seed=seed)
    with Engine(bundle) as engine:
        return "".join(generate(engine, tokenizer, prompt, sampling=sampling, max_tokens=max_tokens))


def test_a_completion_is_what_the_runtime_writes(served: Served, bundle: Bundle, tokenizer: Tokenizer) -> None:
    answer = served.complete("Casa ñolu", max_tokens=12, seed=3)
    document = answer.document
    assert answer.status == 200
    assert list(document) == [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "system_fingerprint",
        "timings",
    ]
    assert (document["object"], document["model"]) == ("text_completion", "test")
    (choice,) = document["choices"]
    assert list(choice) == ["text", "index", "logprobs", "finish_reason"]
    assert choice["text"] == expected(bundle, tokenizer, "Casa ñolu", seed=3)
    usage = document["usage"]
    assert usage["prompt_tokens"] == 1 + len(tokenizer.encode("Casa ñolu"))
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert document["id"] == f"cmpl-{answer.headers['x-request-id']}"
    assert document["timings"]["ttft_ms"] >= document["timings"]["queued_ms"] >= 0


def test_a_stream_is_the_same_in_pieces(served: Served) -> None:
    whole = served.complete(max_tokens=20, seed=4, ignore_eos=True).document
    answer = served.complete(
        max_tokens=20, seed=4, ignore_eos=True, stream=True, stream_options={"include_usage": True}
    )
    assert answer.headers["content-type"] == "text/event-stream"
    *pieces, last, usage = answer.chunks
    assert "".join(chunk["choices"][0]["text"] for chunk in pieces) == whole["choices"][0]["text"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in (*pieces, last)] == [None] * len(pieces) + ["length"]
    assert all(chunk["usage"] is None for chunk in (*pieces, last))
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 20)
    assert "timings" in usage


def test_a_stream_without_usage_has_its_times_in_the_last_chunk(served: Served) -> None:
    *pieces, last = served.complete(max_tokens=3, stream=True, ignore_eos=True).chunks
    assert "timings" in last
    assert not any("usage" in chunk or "timings" in chunk for chunk in pieces)


def test_a_chat_is_answered_whole_and_in_chunks(served: Served) -> None:
    messages = [
        {"role": "developer", "content": "Casa."},
        {"role": "user", "content": [{"type": "text", "text": "luca"}]},
    ]
    wanted = {"messages": messages, "max_completion_tokens": 10, "seed": 5, "ignore_eos": True}
    whole = served.post("/v1/chat/completions", **wanted).document
    assert whole["object"] == "chat.completion"
    (choice,) = whole["choices"]
    assert list(choice) == ["index", "message", "logprobs", "finish_reason"]
    assert list(choice["message"].items())[::2] == [("role", "assistant"), ("refusal", None)]
    first, *pieces, last = served.post("/v1/chat/completions", **wanted, stream=True).chunks
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in pieces)
    assert text == choice["message"]["content"]
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "length")


def test_choices_have_the_seeds_that_follow(served: Served) -> None:
    many = served.complete(["casa", "luca"], n=2, seed=2**64 - 1, max_tokens=8).document
    texts = [choice["text"] for choice in many["choices"]]
    assert [choice["index"] for choice in many["choices"]] == [0, 1, 2, 3]
    alone = [
        served.complete(prompt, seed=seed, max_tokens=8).document
        for prompt in ("casa", "luca")
        for seed in (-1, 0)  # -1 is the same 64 bits
    ]
    assert texts == [one["choices"][0]["text"] for one in alone]
    assert many["usage"]["prompt_tokens"] == sum(one["usage"]["prompt_tokens"] for one in alone[::2])
    assert many["usage"]["completion_tokens"] == sum(one["usage"]["completion_tokens"] for one in alone)
    streamed: dict[int, str] = dict.fromkeys(range(4), "")
    for chunk in served.complete(["casa", "luca"], n=2, seed=2**64 - 1, max_tokens=8, stream=True).chunks:
        for choice in chunk["choices"]:
            streamed[choice["index"]] += choice["text"]
    assert list(streamed.values()) == texts


def test_token_ids_are_a_prompt_with_or_without_bos(served: Served, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("casa")
    texts = {
        served.complete(prompt, temperature=0, max_tokens=6).document["choices"][0]["text"]
        for prompt in ("casa", ids, [BOS, *ids], [ids])
    }
    assert len(texts) == 1


def test_a_text_ends_before_a_stop_string(served: Served) -> None:
    text = served.complete(max_tokens=20, temperature=0).document["choices"][0]["text"]
    stop = text[5:8]
    ended = served.complete(max_tokens=20, temperature=0, stop=[stop, "\n\n\n", "\x00"]).document["choices"][0]
    assert (ended["text"], ended["finish_reason"]) == (text[: text.index(stop)], "stop")


def test_logprobs_of_a_completion(without_bytes: Served) -> None:
    wanted = {"max_tokens": 8, "seed": 1, "logprobs": 3, "ignore_eos": True}
    choice = without_bytes.complete(**wanted).document["choices"][0]
    found = choice["logprobs"]
    assert list(found) == ["tokens", "token_logprobs", "top_logprobs", "text_offset"]
    assert "".join(found["tokens"]) == choice["text"]
    for token, logprob, top, offset in zip(*found.values(), strict=True):
        assert choice["text"][offset:].startswith(token)
        assert top[token] == logprob <= 0
        assert len(top) in (3, 4)
    pieces = [chunk["choices"][0]["logprobs"] for chunk in without_bytes.complete(**wanted, stream=True).chunks]
    assert [token for one in pieces if one for token in one["tokens"]] == found["tokens"]
    assert without_bytes.complete(max_tokens=2).document["choices"][0]["logprobs"] is None


def test_logprobs_of_a_chat(without_bytes: Served) -> None:
    wanted = {"messages": [{"role": "user", "content": "casa"}], "max_tokens": 6, "seed": 1, "ignore_eos": True}
    choice = without_bytes.post("/v1/chat/completions", **wanted, logprobs=True, top_logprobs=2).document["choices"][0]
    entries = choice["logprobs"]["content"]
    assert b"".join(bytes(one["bytes"]) for one in entries).decode() == choice["message"]["content"]
    assert all(list(one) == ["token", "logprob", "bytes", "top_logprobs"] for one in entries)
    assert all(len(one["top_logprobs"]) == 2 for one in entries)
    refused = without_bytes.post("/v1/chat/completions", **wanted, top_logprobs=2)
    assert (refused.status, refused.error["param"]) == (400, "top_logprobs")


def test_tokens_behind_a_stop_string_are_not_shown(served: Served) -> None:
    text = served.complete(max_tokens=20, temperature=0).document["choices"][0]["text"]
    choice = served.complete(max_tokens=20, temperature=0, stop=text[5:8], logprobs=0).document["choices"][0]
    assert choice["text"].startswith("".join(choice["logprobs"]["tokens"]))


def test_determined_answers_are_remembered_and_say_so(bundle: Bundle) -> None:
    with serving(bundle.path, remember=2) as own:
        first, again = (own.complete(seed=1, max_tokens=9) for _ in range(2))
        assert "x-tinylm-remembered" not in first.headers
        assert again.headers["x-tinylm-remembered"] == "1"
        assert again.document["timings"]["remembered"]
        assert first.document["choices"] == again.document["choices"]
        assert "x-tinylm-remembered" not in own.complete(max_tokens=9).headers
        stream = own.complete(seed=1, max_tokens=9, stream=True).chunks
        text = "".join(choice["text"] for chunk in stream for choice in chunk["choices"])
        assert text == first.document["choices"][0]["text"]
        for seed in (2, 3):
            own.complete(seed=seed, max_tokens=9)
        assert "x-tinylm-remembered" not in own.complete(seed=1, max_tokens=9).headers
        assert own.metric("tinylm_remembered_answers_total") == 2


def test_generate_is_small(served: Served) -> None:
    answer = served.post("/generate", prompt="casa", max_length=5, temperature=0)
    assert answer.document["text"] == served.complete(max_tokens=5, temperature=0).document["choices"][0]["text"]
    differing = served.post("/generate", prompt="casa", max_length=5, max_tokens=6)
    assert (differing.status, differing.error["param"]) == (400, "max_length")


def test_a_prompt_beyond_the_context_is_refused_and_an_old_chat_is_cut(served: Served) -> None:
    refused = served.complete("casa " * 60)
    assert (refused.status, refused.error["code"], refused.error["param"]) == (
        400,
        "context_length_exceeded",
        "prompt",
    )
    messages = [{"role": role, "content": "casa luca mité"} for role in ("user", "assistant") * 6]
    answer = served.post("/v1/chat/completions", messages=messages, max_tokens=4).document
    assert 0 < answer["tinylm"]["dropped_messages"] < len(messages)
    long, short = {"role": "user", "content": "casa " * 60}, {"role": "user", "content": "casa"}
    for before in ([], [{"role": "system", "content": "casa"}], messages):
        refused = served.post("/v1/chat/completions", messages=[*before, long])
        assert (refused.status, refused.error["code"], refused.error["param"]) == (
            400,
            "context_length_exceeded",
            "messages",
        )
        assert ("system message" in refused.error["message"]) == (len(before) == 1)
    answer = served.post("/v1/chat/completions", messages=[long, messages[1], short], max_tokens=4).document
    assert answer["tinylm"]["dropped_messages"] == 2
    over = served.complete(max_tokens=200, ignore_eos=True).document  # the context has 48 tokens
    assert over["usage"]["completion_tokens"] == 200


@pytest.mark.parametrize(
    ("document", "status", "param", "code"),
    [
        ({"prompt": "a", "model": "other"}, 404, "model", "model_not_found"),
        ({"prompt": [70_000]}, 400, "prompt[0]", None),
        ({"prompt": [1, 60_000]}, 400, "prompt", None),
        ({"prompt": "a", "max_tokens": 2, "max_completion_tokens": 3}, 400, "max_completion_tokens", None),
        ({"prompt": "a", "echo": True}, 400, "echo", "unsupported_parameter"),
        ({"prompt": ["a"] * 8, "n": 8, "best_of": 1, "tempreture": 1}, 400, "tempreture", "unknown_parameter"),
    ],
)
def test_what_cannot_be_answered_says_why(
    served: Served, document: dict[str, Any], status: int, param: str, code: str | None
) -> None:
    answer = served.post("/v1/completions", **document)
    assert answer.status == status
    assert (answer.error["param"], answer.error["code"]) == (param, code)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/completions", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/healthz", 405),
        ("QUERY", "/v1/models", 405),
        ("GET", "/v1/models/nothing/at/all", 404),
        ("GET", "/v1/models/", 404),
        ("GET", "/%ff%00", 404),
        ("GET", "//healthz", 404),
        ("OPTIONS", "/v1/completions", 405),
    ],
)
def test_every_error_is_json(served: Served, method: str, path: str, status: int) -> None:
    answer = served.ask(method, path)
    assert answer.status == status
    assert answer.error["message"]


def test_paths_for_who_watches(served: Served, bundle: Bundle) -> None:
    assert served.ask("GET", "/healthz").document == {"status": "ok"}
    assert served.ask("GET", "/readyz").document == {"status": "ready"}
    status = served.ask("GET", "/status").document
    assert (status["models"], status["parallel"], status["changed"]) == (["test"], 4, [])
    (entry,) = served.ask("GET", "/v1/models").document["data"]
    assert entry == served.ask("GET", "/v1/models/test").document
    assert (entry["id"], entry["object"], entry["owned_by"]) == ("test", "model", "tinylm")
    assert entry["tinylm"]["sha256"] == bundle.manifest_sha256
    assert served.ask("HEAD", "/healthz").body == b""
    assert b"<html" in served.ask("GET", "/").body
    schema = served.ask("GET", "/openapi.json").document
    body = schema["paths"]["/v1/completions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {one.name for one in COMPLETION.parameters}
    ids = body["properties"]["prompt"]["anyOf"][1]["items"]
    assert ids == {"type": "integer", "minimum": 0, "maximum": bundle.manifest.model.vocab_size - 1}


def test_only_json_by_name_is_read(served: Served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert served.ask("POST", "/v1/completions", body=b'{"prompt":"a"}', content_type=kind).status == 415
    answer = served.ask(
        "POST", "/v1/completions", body=b'{"prompt":"a","max_tokens":1}', content_type="application/json; charset=utf-8"
    )
    assert answer.status == 200


def test_request_ids_are_taken_when_sane(served: Served) -> None:
    assert served.ask("GET", "/healthz", x_request_id="mine-1").headers["x-request-id"] == "mine-1"
    for odd in ("a b", "x" * 100, '"'):
        assert served.ask("GET", "/healthz", x_request_id=odd).headers["x-request-id"] != odd
    assert served.ask("GET", "/healthz").headers["x-content-type-options"] == "nosniff"


def test_two_bundles_are_asked_by_name(bundle: Bundle, make_bundle: Callable[..., Bundle]) -> None:
    other = make_bundle(scheme="int8", byte_fallback=True, n_layer=1)
    with serving(bundle.path, other.path) as own:
        names = [entry["id"] for entry in own.ask("GET", "/v1/models").document["data"]]
        assert names == ["test", f"test-{other.manifest_sha256[:8]}"]
        texts = {own.complete(model=name, temperature=0, max_tokens=8).document["choices"][0]["text"] for name in names}
        assert len(texts) == 2
        assert own.complete(temperature=0, max_tokens=8).document["model"] == "test"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 40) | st.floats(-2, 2) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=6,
)
_NAMES = sorted({one.name for owner in (COMPLETION, CHAT) for one in owner.parameters} - {"max_tokens"})


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/v1/completions", "/v1/chat/completions", "/generate"]),
    st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=3),
)
def test_no_body_is_our_mistake(served: Served, path: str, document: dict[str, Any]) -> None:
    needed = {"messages": [{"role": "user", "content": "a"}]} if "chat" in path else {"prompt": "a"}
    answer = served.post(path, **{**needed, "max_tokens": 3, **document})
    assert answer.status in (200, 400, 404)
    if answer.status != 200:
        assert answer.error["param"]


def test_metrics_count_what_was_done(bundle: Bundle) -> None:
    with serving(bundle.path) as own:
        own.complete("casa", max_tokens=7, ignore_eos=True)
        own.complete(1)
        assert own.metric('tinylm_requests_total{path="/v1/completions",status="200"}') == 1
        assert own.metric('tinylm_requests_total{path="/v1/completions",status="400"}') == 1
        assert own.metric("tinylm_completion_tokens_total") == 7
        assert own.metric("tinylm_prompt_bytes_total") == 4
        assert own.metric("tinylm_time_to_first_token_seconds_count") == 1
        assert own.metric('tinylm_answers_total{reason="length"}') == 1
        assert own.metric("process_resident_memory_bytes") > 1e6
        started = time.time() - own.metric("process_start_time_seconds")
        assert 0 <= started < 600


def test_what_the_tokenizer_does_not_know_is_counted(without_bytes: Served) -> None:
    def unknown() -> float:
        return without_bytes.metric("tinylm_prompt_unknown_bytes_total")

    before = unknown()
    without_bytes.complete("casa", max_tokens=1)
    assert unknown() == before
    without_bytes.complete("casa 漢", max_tokens=1)
    assert unknown() == before + 3
    chat = {"messages": [{"role": "user", "content": "¿qué? 漢字"}], "max_tokens": 1}
    assert without_bytes.post("/v1/chat/completions", **chat).status == 200
    assert unknown() == before + 9


def test_the_log_is_a_line_of_json_without_what_was_asked(bundle: Bundle, capfd: pytest.CaptureFixture[str]) -> None:
    for log_text in (False, True):
        with serving(bundle.path, log_text=log_text) as own:
            own.complete("casa secreta", max_tokens=3)
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
        (line,) = [one for one in lines if one["path"] == "/v1/completions"]
        assert (line["status"], line["model"], line["client"]) == (200, "test", "127.0.0.1")
        assert line.get("text") == (["casa secreta"] if log_text else None)


def test_of_a_chat_of_thousands_of_messages_the_newest_stay(served: Served) -> None:
    messages = [{"role": role, "content": "casa luca"} for role in ("user", "assistant") * 1000]
    answer = served.post("/v1/chat/completions", messages=messages, max_tokens=2)
    assert answer.status == 200
    assert answer.document["tinylm"]["dropped_messages"] > 1900
