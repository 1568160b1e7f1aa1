"""Broken requests on bare connections: never a 5xx, never a client that waits for ever, and nothing stays behind."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from malformed_requests import GOOD_BODY, HOST, JSON, all_requests, chunked, get, post
from running_server import RunningServer

REQUESTS = tuple(all_requests())
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_GROWTH_MB = 12
"""The largest bodies and the connections that are open at a time leave holes in the heap; a leak of each would be
hundreds of MB."""


@pytest.fixture(scope="module")
def attacked(served_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own: what is left of it after all this is looked at here."""
    with RunningServer(served_bundle, log=tmp_path_factory.mktemp("attacked") / "log") as server:
        before = server.complete(prompt="casa", max_tokens=16, seed=3)
        exchange(server, post(b"[" * 999_999))
        warm_mb = server.resident_mb()
        yield server
        assert server.process.poll() is None
        assert server.complete(prompt="casa", max_tokens=16, seed=3).text == before.text
        assert server.becomes_idle()
        assert server.resident_mb() < warm_mb + _GROWTH_MB
    assert "Traceback" not in server.said()
    assert server.process.returncode == 0


def exchange(server: RunningServer, raw: bytes) -> bytes:
    """Send it all, say that no more comes, and read all that comes back before the server closes."""
    received = bytearray()
    with server.connect() as connection:
        with suppress(OSError):  # the server has said what it had to say, and closed, also before the shutdown
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while data := connection.recv(65536):
                received += data
    return bytes(received)


def check(answer: bytes, name: str) -> None:
    """No status from 500 on; what is refused is told in the shape of OpenAI's errors."""
    statuses = [int(status) for status in _STATUS.findall(answer)]
    assert all(status < 500 for status in statuses), (name, answer[:2000])
    if len(statuses) == 1 and statuses[0] >= 400:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/json" in head, (name, head)
        if body:  # none for HEAD
            assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}, name


def test_the_corpus_is_large_enough_to_speak_of() -> None:
    assert len({raw for _, raw in REQUESTS}) >= 300


def test_no_broken_request_is_answered_5xx_or_hurts_the_next(attacked: RunningServer) -> None:
    for name, raw in REQUESTS:
        check(exchange(attacked, raw), name)
    assert attacked.ask("GET", "/healthz").status == 200


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutation_of_a_good_request_is_answered_5xx(attacked: RunningServer, data: st.DataObject) -> None:
    good = data.draw(
        st.sampled_from([post(), get(), chunked(b"2e\r\n" + GOOD_BODY + b"\r\n0\r\n\r\n"), post() + get()])
    )
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(start + 40, len(raw))))
        raw[start:end] = data.draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from([b"\r\n", b"\r\n\r\n", b"\n", b"\x00", b": ", b"0", b'"', b"[" * 40, b"1e999", b" "]),
                st.just(bytes(raw[start:end]) * 2),
            )
        )
    check(exchange(attacked, bytes(raw)), repr(bytes(raw)))


def test_a_body_of_100_mb_is_refused_before_it_has_come(attacked: RunningServer) -> None:
    head = b"POST /v1/completions HTTP/1.1\r\n%s%sContent-Length: 100000000\r\n\r\n" % (HOST, JSON)
    sent = 0
    with attacked.connect() as connection:
        with suppress(ConnectionError):
            connection.sendall(head)
            for _ in range(100):
                connection.sendall(b"a" * 1_000_000)
                sent += 1
        with suppress(ConnectionError):
            assert b" 413 " in connection.recv(65536)[:20]
    assert sent < 100


def test_clients_that_stop_in_the_middle_are_forgotten(attacked: RunningServer) -> None:
    """Closed, half-closed, or torn down by a reset, at each of many places of a request that would stream."""
    asked = json.dumps({"prompt": "casa", "max_tokens": 2000, "stream": True, "ignore_eos": True}).encode()
    raw = post(asked)
    for place in (*range(0, len(raw), 11), len(raw)):
        for how in ("close", "half", "reset"):
            with attacked.connect() as connection:
                connection.sendall(raw[:place])
                if how == "half":
                    connection.shutdown(socket.SHUT_WR)
                elif how == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert attacked.becomes_idle()


def test_slow_and_silent_clients_keep_nobody_waiting(attacked: RunningServer) -> None:
    """One byte a moment, a head that does not end, a body that does not come, an answer that nobody reads."""
    stop = threading.Event()
    silent = [attacked.connect() for _ in range(20)]
    half_head = [attacked.connect() for _ in range(20)]
    for connection in half_head:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\n" + HOST)
    half_body = [attacked.connect() for _ in range(20)]
    for connection in half_body:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\n%s%sContent-Length: 46\r\n\r\n{" % (HOST, JSON))
    unread = [attacked.connect() for _ in range(2)]
    asked = {"prompt": "casa", "max_tokens": 32768, "stream": True, "ignore_eos": True}
    for connection in unread:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(post(json.dumps(asked).encode()))

    def drip(connection: socket.socket) -> None:
        with suppress(OSError):
            for byte in post(GOOD_BODY):
                if stop.wait(1):
                    return
                connection.sendall(bytes([byte]))

    slow = [attacked.connect() for _ in range(10)]
    threads = [threading.Thread(target=drip, args=(connection,)) for connection in slow]
    for thread in threads:
        thread.start()
    try:
        for _ in range(8):
            assert attacked.complete(prompt="casa", max_tokens=4).status == 200
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for connection in (*silent, *half_head, *half_body, *unread, *slow):
            connection.close()


@pytest.mark.slow
def test_a_client_of_a_byte_a_second_is_told_that_it_is_too_slow(attacked: RunningServer) -> None:
    with attacked.connect() as head, attacked.connect() as body:
        body.sendall(b"POST /v1/completions HTTP/1.1\r\n%s%sContent-Length: 46\r\n\r\n" % (HOST, JSON))
        for connection, data in ((head, b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 100), (body, GOOD_BODY[:1] * 40)):
            connection.settimeout(1)
            answer = b""
            for byte in data:
                with suppress(ConnectionError):
                    connection.sendall(bytes([byte]))
                with suppress(TimeoutError, ConnectionError):
                    answer = connection.recv(65536)
                    break
                time.sleep(0)
            assert answer.startswith(b"HTTP/1.1 408 "), answer
