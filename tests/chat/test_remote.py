"""Conversations with a server over HTTP: the usual wire format, other servers' habits, and what breaks."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from chat_server import ChatServer, document, events, said

from tinylm.base.errors import TinylmError
from tinylm.chat.commands import run_command
from tinylm.chat.remote import RemoteBackend
from tinylm.chat.session import Session, Turn
from tinylm.chat.settings import Settings
from tinylm.runtime.chat_template import Message

USAGE = {
    "object": "chat.completion.chunk",
    "choices": [],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
}
END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def connected(server: ChatServer, **options: object) -> tuple[Session, list[str]]:
    told: list[str] = []
    backend = RemoteBackend(server.url, token=server.token or None, tell=told.append)
    return Session(backend, settings=Settings(**options)), told  # type: ignore[arg-type]


def heard(session: Session, text: str = "hello") -> str:
    return "".join(session.say(text))


def test_an_answer_streams_in(chat_server: ChatServer) -> None:
    chat_server.replies = [events({"choices": [{"delta": {"role": "assistant"}}]}, said("Hi"), said(" ñ"), END, USAGE)]
    session, told = connected(chat_server, temperature=0.5, top_k=3, stop=("\n",), seed=7)
    session.system = "Be kind."
    assert heard(session) == "Hi ñ"
    assert session.said == [Message("user", "hello"), Message("assistant", "Hi ñ")]
    assert session.last is not None
    assert session.last.finish_reason == "stop"
    used = session.last.usage
    assert (used.prompt_tokens, used.cached_tokens, used.completion_tokens) == (9, 4, 3)
    assert told == []
    assert chat_server.bodies == [
        {
            "model": "small",
            "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "top_k": 3,
            "stop": ["\n"],
            "seed": 7,
        }
    ]
    assert "Authorization" not in chat_server.headers[-1]


def test_other_servers_say_less_or_more(chat_server: ChatServer) -> None:
    chat_server.replies = [
        events(
            {"choices": [{"delta": {"reasoning_content": "hm"}, "logprobs": None}], "system_fingerprint": "b1"},
            said(None),
            said("Yes\ud800"),
            {"choices": None, "tinylm": {"dropped_messages": "some"}},
            {"choices": [{"delta": None, "finish_reason": "stop"}], "timings": {"cache_n": 5}, "usage": {"total": 3}},
            line_end="\r\n",
        )
    ]
    session, _ = connected(chat_server)
    assert heard(session) == "Yes?"
    assert session.last is not None
    assert session.last.usage.cached_tokens == 5
    assert session.last.usage.prompt_tokens is None
    shown = str(run_command(session, "/stats"))
    assert "not told by the server" in shown
    assert "memory" not in shown  # no /status there


def test_tinylms_own_server_says_more(chat_server: ChatServer) -> None:
    own = {"parameters": 1629792, "languages": ["en", "es"], "context_length": 256, "base_model": True}
    own |= {"generation": {"temperature": 0.8, "top_k": 40, "max_tokens": True}}
    chat_server.pages["/v1/models"] = document({"data": [{"id": "tiny", "tinylm": own}, {"id": "other"}, {"id": 3}, 4]})
    chat_server.pages["/status"] = document({"rss_mb": 38.2, "limit_mb": 400, "budget": "pi-zero-2w\x1b[2J"})
    chat_server.replies = [events(said("Yes"), END, USAGE)]
    session, _ = connected(chat_server)
    model = session.backend.model
    assert (model.name, model.details, model.context_length) == ("tiny", "1,629,792 parameters, en es", 256)
    assert model.only_continues
    assert "0.8, the model's own" in str(run_command(session, "/set"))
    heard(session)
    assert "12 of 256 tokens; of the prompt's 9, 4 were cached" in str(run_command(session, "/stats"))
    assert "38.2 of 400 MB, the server, budget pi-zero-2w\\u001b[2J" in str(run_command(session, "/stats"))


def test_another_model_goes_on(chat_server: ChatServer) -> None:
    session, _ = connected(chat_server)
    chat_server.pages["/v1/models"] = document({"data": [{"id": "small"}, {"id": "large"}]})
    assert run_command(session, "/model") == "* small\n  large"
    run_command(session, "/model large")
    chat_server.replies = [events(said("Yes"), END)]
    heard(session)
    assert chat_server.bodies[-1]["model"] == "large"
    with pytest.raises(TinylmError) as raised:
        run_command(session, "/model larg")
    assert raised.value.hint == "did you mean `large`?"


def test_a_token_is_sent_and_missed(chat_server: ChatServer) -> None:
    chat_server.token = "s3cret"
    connected(chat_server)
    assert chat_server.headers[-1]["Authorization"] == "Bearer s3cret"
    for token in (None, "wrong"):
        with pytest.raises(TinylmError) as raised:
            RemoteBackend(chat_server.url, token=token, tell=print)
        assert "wants a token, or another one: no such token" in raised.value.message
        assert "--token-file" in raised.value.hint
    for token in ("two words", "line\nbreak", "ñ", ""):
        with pytest.raises(TinylmError, match="characters that no token has"):
            RemoteBackend(chat_server.url, token=token, tell=print)


def test_a_busy_server_is_asked_again(chat_server: ChatServer) -> None:
    busy = document({"error": {"message": "queue full"}}, status=429, headers={"Retry-After": "0"})
    chat_server.replies = [busy, document(b"loading", status=503, headers={"Retry-After": "0.2"})]
    chat_server.replies += [events(said("Yes"), END)]
    session, told = connected(chat_server)
    assert heard(session) == "Yes"
    assert told == ["the server is busy; asking again in 0 s"] * 2
    chat_server.replies = [busy] * 5
    with pytest.raises(TinylmError, match="stays busy"):
        heard(session)
    assert len(session.said) == 2


def test_waiting_for_a_busy_server_can_be_stopped(chat_server: ChatServer) -> None:
    chat_server.replies = [document({}, status=429, headers={"Retry-After": "nonsense"})]
    turns: list[Turn] = []
    backend = RemoteBackend(chat_server.url, token=None, tell=lambda line: turns[0].cancel())
    session = Session(backend, settings=Settings())
    turns.append(session.say("hello"))
    assert "".join(turns[0]) == ""
    assert session.last is not None
    assert session.last.finish_reason == "cancelled"
    assert session.said == []


@pytest.mark.parametrize(
    "broken",
    [
        events(said("Once upon"), cut=True),
        events(said("Once upon"), "{"),
        events(said("Once upon"), "[1]"),
        events(said("Once upon"), {"error": {"message": "out of memory\x1b[2J", "code": 500}}),
        events(said("Once upon"), "x" * 1_000_001),
        events(said("Once upon")),
    ],
    ids=["cut", "broken", "list", "error", "long", "no finish reason"],
)
def test_a_stream_that_breaks_keeps_what_came(chat_server: ChatServer, broken: object) -> None:
    chat_server.replies = [broken, events(said(" a time"), END)]  # type: ignore[list-item]
    session, _ = connected(chat_server)
    assert heard(session) == "Once upon"
    assert session.last is not None
    assert session.last.finish_reason == "cut"
    (note,) = session.last.notes
    assert note.startswith("the answer was cut off: ")
    assert note.isprintable()
    assert heard(session, "go on") == " a time"
    assert len(session.said) == 4


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (events(cut=True), "closed before the answer had ended"),
        (events("{"), "no JSON object"),
        (events({"error": "no memory"}), "the server says: no memory"),
        (document({"error": {"message": "`top_k` is 9 \x1b[31m"}}, status=400), r"400: `top_k` is 9 \\u001b"),
        (document(b"<html>", status=500), "500: <html>"),
        (document(b"", status=307, headers={"Location": "http://elsewhere"}), "elsewhere: http://elsewhere"),
        (document({"choices": []}), "closed before the answer had ended"),
    ],
)
def test_an_answer_that_never_came_is_an_error(chat_server: ChatServer, reply: object, message: str) -> None:
    chat_server.replies = [reply]  # type: ignore[list-item]
    session, _ = connected(chat_server)
    with pytest.raises(TinylmError, match=message) as raised:
        heard(session)
    assert raised.value.message.isprintable()
    assert session.said == []


@pytest.mark.parametrize("page", [{"data": []}, {"data": 3}, {"models": []}, [1], b"<html>", b"[" * 5_000_000])
def test_what_is_no_such_server_is_told(chat_server: ChatServer, page: object) -> None:
    chat_server.pages["/v1/models"] = document(page)
    with pytest.raises(TinylmError) as raised:
        RemoteBackend(chat_server.url, token=None, tell=print)
    assert "the API of OpenAI" in raised.value.hint


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://host", "is no address of a server"),
        ("http://", "is no address of a server"),
        ("http://host:99999", "is no address"),
        ("http://[::1", "is no address"),
        ("http://host name\x1b", "is no address"),
    ],
)
def test_addresses_are_checked(url: str, message: str) -> None:
    with pytest.raises(TinylmError, match=message) as raised:
        RemoteBackend(url, token=None, tell=print)
    assert raised.value.message.isprintable()


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(TinylmError) as raised:
            RemoteBackend(f"http://127.0.0.1:{taken.getsockname()[1]}", token=None, tell=print)
    assert raised.value.message.endswith(": Connection refused")
    assert raised.value.hint == "does it run, and is that its address and port?"


def test_the_address_may_have_a_path_and_v1(chat_server: ChatServer) -> None:
    chat_server.prefix = "/models/small"
    for url in (chat_server.url, chat_server.url + "/", chat_server.url + "/v1", chat_server.url + "/v1/"):
        assert RemoteBackend(url, token=None, tell=print).model.name == "small"


def test_over_tls_a_certificate_must_be_known(
    chat_server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("making a certificate needs openssl: apt install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    chat_server.socket = context.wrap_socket(chat_server.socket, server_side=True)
    url = chat_server.url.replace("http", "https")
    with pytest.raises(TinylmError, match="certificate verify failed"):
        RemoteBackend(url, token=None, tell=print)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    session = Session(RemoteBackend(url, token=None, tell=print), settings=Settings())
    chat_server.replies = [events(said("Yes"), END), events(said("Once"), hang=True)]
    assert heard(session) == "Yes"
    turn = session.say("and?")
    for _ in turn:
        turn.cancel()
    assert session.last is not None
    assert (turn.text, session.last.finish_reason) == ("Once", "cancelled")
