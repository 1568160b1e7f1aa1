"""Clients that leave, come slowly, send too much or no HTTP, and too many at once: others are served."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest
from http_server import Served, serving

from tinylm.bundle.reading import Bundle
from tinylm.serve import answering, body, protocol
from tinylm.serve.api import requests

LONG = {"prompt": "casa", "max_tokens": 32_768, "ignore_eos": True, "seed": 1}
"""Seconds of work."""
HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def until(seen: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.01)


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = bytearray()
    try:
        while data := connection.recv(65536):
            found += data
    except ConnectionResetError:
        pass
    return bytes(found)


def status_and_document(answer: bytes) -> tuple[int, dict[str, object]]:
    """Of the first answer."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    return int(head.split()[1]), json.loads(rest[:length])


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_text(bundle: Bundle, stream: bool) -> None:
    with serving(bundle.path) as own:
        with own.begin("/v1/completions", **LONG, stream=stream) as connection:
            until(lambda: own.ask("GET", "/status").document["active"] == 1)
            if stream:
                assert connection.recv(100)
        until(lambda: own.metric('tinylm_answers_total{reason="cancelled"}') == 1)
        until(lambda: own.ask("GET", "/status").document["active"] == 0)
        assert own.complete(max_tokens=2).status == 200


def test_a_client_that_leaves_while_it_waits_frees_its_place(bundle: Bundle) -> None:
    with serving(bundle.path, parallel=1, queue=1) as own, own.begin("/v1/completions", **LONG):
        until(lambda: own.ask("GET", "/status").document["active"] == 1)
        with own.begin("/v1/completions", **LONG):
            until(lambda: own.ask("GET", "/status").document["waiting"] == 1)
            full = own.complete(max_tokens=1)
            assert (full.status, full.error["code"]) == (429, "queue_full")
            assert int(full.headers["retry-after"]) >= 1
        until(lambda: own.ask("GET", "/status").document["waiting"] == 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only there every address from 127.0.0.1 on is this machine's")
def test_a_stream_whose_waiting_text_makes_room_for_another_client_says_so(bundle: Bundle) -> None:
    with serving(bundle.path, parallel=1, queue=2) as own:
        with own.begin("/v1/completions", **LONG, stream=True, n=3) as greedy:
            until(lambda: own.ask("GET", "/status").document["waiting"] == 2)
            received = greedy.recv(1000)
            modest = socket.create_connection(("127.0.0.1", own.port), timeout=30, source_address=("127.0.0.2", 0))
            with modest:
                asked = json.dumps({"prompt": "casa", "max_tokens": 1}).encode()
                modest.sendall(HEAD + f"Content-Length: {len(asked)}\r\n\r\n".encode() + asked)
                while b'"error"' not in received:
                    received += greedy.recv(65536)
                assert modest.recv(100).startswith(b"HTTP/1.1 200 ")
        error = json.loads(received[received.index(b'{"error"') :].partition(b"\n\n")[0])["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "queue_full")


def test_more_choices_than_the_server_takes_are_no_matter_of_time(bundle: Bundle) -> None:
    with serving(bundle.path, parallel=1, queue=1) as own:
        refused = own.complete(n=3, max_tokens=1)
        assert (refused.status, refused.error["param"]) == (400, "n")
        assert own.complete(n=2, max_tokens=1).status == 200


def test_a_text_ends_when_its_time_is_over(bundle: Bundle) -> None:
    with serving(bundle.path, timeout=0.3) as own:
        document = own.post("/v1/completions", **LONG).document
        assert document["choices"][0]["finish_reason"] == "length"
        assert document["timings"]["timeout"] is True
        assert 0 < document["usage"]["completion_tokens"] < LONG["max_tokens"]
        last = own.post("/v1/completions", **LONG, stream=True).chunks[-1]
        assert (last["choices"][0]["finish_reason"], last["timings"]["timeout"]) == ("length", True)
        assert "x-tinylm-remembered" not in own.post("/v1/completions", **LONG).headers


def test_a_stream_that_waits_says_that_it_lives(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "KEEP_ALIVE_S", 0.05)
    with serving(bundle.path, parallel=1) as own, own.begin("/v1/completions", **LONG):
        until(lambda: own.ask("GET", "/status").document["active"] == 1)
        with own.begin("/v1/completions", prompt="a", max_tokens=1, stream=True) as waiting:
            answer = b""
            while b": waiting" not in answer:
                answer += waiting.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_head_that_comes_slowly_is_given_up(bundle: Bundle, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.4)
    with serving(bundle.path) as own, own.connect() as slow:
        slow.sendall(begun)
        sending = threading.Thread(target=_send_slowly, args=(slow,), daemon=True)
        if begun:
            sending.start()
        status, document = status_and_document(everything(slow))
        assert status == 408
        assert document["error"]
        assert own.ask("GET", "/healthz").status == 200


def _send_slowly(connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(b"a")
            time.sleep(0.1)
    except OSError:
        pass


def test_a_head_after_an_answer_is_given_up_too(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.4)
    with serving(bundle.path) as own, own.connect() as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in slow.recv(1000)
        slow.sendall(b"GET /heal")
        threading.Thread(target=_send_slowly, args=(slow,), daemon=True).start()
        assert b"408" in everything(slow)


def test_a_body_that_comes_slowly_is_given_up(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_S", 0.3)
    with serving(bundle.path) as own, own.connect() as slow:
        slow.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        assert status_and_document(everything(slow))[0] == 408


def test_a_body_that_is_too_large_is_refused_and_the_client_can_read_it(bundle: Bundle) -> None:
    with serving(bundle.path, max_body=1000) as own:
        answer = own.complete("a" * 5000)
        assert (answer.status, answer.error["code"]) == (413, "body_too_large")
        with own.connect() as chunked:
            chunked.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            chunked.sendall(b"400\r\n" + b"a" * 1024 + b"\r\n0\r\n\r\n")
            assert status_and_document(everything(chunked))[0] == 413
        with own.connect() as lying:
            lying.sendall(HEAD + b"Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
            lying.shutdown(socket.SHUT_WR)
            everything(lying)
        assert own.complete(max_tokens=1).status == 200


def test_a_client_that_does_not_read_is_cut_off(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALLED_S", 0.3)
    monkeypatch.setattr(requests, "MAX_LOGPROBS", 10**9)  # more than the system's buffers take
    with serving(bundle.path) as own, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", own.port))
        sent = json.dumps({**LONG, "stream": True, "logprobs": 20}).encode()
        deaf.sendall(HEAD + f"Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
        until(lambda: own.metric('tinylm_answers_total{reason="cancelled"}') == 1)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: a\r\n" % i for i in range(20_000)) + b"\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so_and_hurts_nobody(served: Served, sent: bytes) -> None:
    with served.connect() as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = everything(connection)
    if answer:
        status, document = status_and_document(answer)
        assert 400 <= status < 500 or status == 501
        assert document["error"]
    assert served.ask("GET", "/healthz").status == 200


def test_many_connections_are_bounded(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 3)
    with serving(bundle.path) as own:
        held = [own.connect() for _ in range(3)]
        until(lambda: _refused(own))
        for connection in held:
            connection.close()
        until(lambda: not _refused(own))
        assert own.ask("GET", "/healthz").status == 200


def _refused(own: Served) -> bool:
    with own.connect() as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b" 503 " in everything(one).partition(b"\r\n")[0]


def test_requests_on_one_connection_are_answered_in_order(served: Served) -> None:
    one = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    with served.connect() as connection:
        connection.sendall(
            one % (b"/healthz", b"") + one % (b"/nothing", b"") + one % (b"/readyz", b"Connection: close\r\n")
        )
        answers = everything(connection)
    places = [answers.index(word) for word in (b'"ok"', b"unknown_path", b'"ready"')]
    assert places == sorted(places)


def test_fifty_clients_at_once_are_all_served(bundle: Bundle) -> None:
    with serving(bundle.path, queue=64) as own:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(own.complete(max_tokens=8).status)) for _ in range(50)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 50
