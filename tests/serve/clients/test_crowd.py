"""Fifty clients at once, good ones among bad ones; a server that is killed, or told to end, under load."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from http_client import Reply
from malformed_requests import HOST, JSON, all_requests, post
from running_server import RunningServer

pytestmark = pytest.mark.slow
CLIENTS = 50
LONG = {"prompt": "casa", "max_tokens": 32768, "ignore_eos": True}


def asked(number: int) -> dict[str, Any]:
    """Each client's own; half of them come again, so that answers which are remembered are among them."""
    return {"prompt": f"casa {number % 25}", "max_tokens": 16 + number % 25, "seed": number % 25, "temperature": 0.9}


def read_stream(reply: Reply) -> str:
    *events, done = [line for line in reply.body.decode().split("\n\n") if line.startswith("data: ")]
    assert done == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    return "".join(choice["text"] for chunk in chunks for choice in chunk["choices"])


def persistent(server: RunningServer, number: int, *, stream: bool) -> str:
    """The text, however often the server says to come back later; it must say when."""
    for _ in range(50):
        reply = server.complete(**asked(number), **({"stream": True} if stream else {}))
        if reply.status == 200:
            return read_stream(reply) if stream else reply.text
        assert reply.status == 429, reply.body
        assert reply.document["error"]["code"] == "queue_full"
        time.sleep(min(int(reply.headers["retry-after"]), 2))
    raise AssertionError("never served")


@contextmanager
def bad_clients(server: RunningServer) -> Iterator[None]:
    """Clients that send a byte now and then, nothing at all, half a request, too much, or no HTTP."""
    stop = threading.Event()
    broken = [raw for _, raw in all_requests()]

    def drip(connection: socket.socket) -> None:
        for byte in post():
            if stop.wait(0.5):
                return
            with suppress(OSError):
                connection.sendall(bytes([byte]))

    def flood(first: int) -> None:
        for raw in broken[first::4]:
            if stop.is_set():
                return
            with suppress(OSError), server.connect() as connection:
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    with ExitStack() as stack:
        idle = [stack.enter_context(server.connect()) for _ in range(30)]
        for connection in idle[:10]:
            connection.sendall(b"POST /v1/completions HTTP/1.1\r\n" + HOST)
        for connection in idle[10:20]:
            connection.sendall(b"POST /v1/completions HTTP/1.1\r\n%s%sContent-Length: 99\r\n\r\n{" % (HOST, JSON))
        slow = [stack.enter_context(server.connect()) for _ in range(10)]
        threads = [threading.Thread(target=drip, args=(connection,)) for connection in slow]
        threads += [threading.Thread(target=flood, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_good_clients_among_bad_ones_get_what_each_gets_alone(served_bundle: Path, tmp_path: Path) -> None:
    with RunningServer(served_bundle, log=tmp_path / "log", options=("--queue", "16")) as server:
        alone = [server.complete(**asked(number)).text for number in range(25)]
    with RunningServer(served_bundle, log=tmp_path / "log", options=("--queue", "16")) as server:
        with bad_clients(server), ThreadPoolExecutor(CLIENTS) as pool:
            texts = list(pool.map(lambda i: persistent(server, i, stream=i % 2 == 0), range(CLIENTS)))
        assert texts == alone * 2
        metrics = server.metrics()
        refused = metrics.get('tinylm_refused_requests_total{code="queue_full"}', 0)
        assert metrics['tinylm_requests_total{path="/v1/completions",status="200"}'] >= CLIENTS
        assert metrics.get('tinylm_requests_total{path="/v1/completions",status="429"}', 0) == refused
        assert not [name for name in metrics if 'status="5' in name]
    assert "Traceback" not in server.said()


def test_a_server_that_is_killed_under_load_starts_again_on_its_port(served_bundle: Path, tmp_path: Path) -> None:
    with RunningServer(served_bundle, log=tmp_path / "log") as server:
        alone = server.complete(**asked(3)).text
        with ThreadPoolExecutor(CLIENTS) as pool:
            asking = [pool.submit(server.complete, **LONG, stream=i % 2 == 0) for i in range(CLIENTS)]
            while server.ask("GET", "/status").document["active"] < 4:
                pass
            server.kill()
            for one in asking:
                assert isinstance(one.exception(), (http.client.HTTPException, ConnectionError))
    with RunningServer(served_bundle, log=tmp_path / "log", port=server.port) as again:
        assert again.port == server.port
        assert again.complete(**asked(3)).text == alone


def test_an_end_under_load_is_in_time_and_every_client_is_told(served_bundle: Path, tmp_path: Path) -> None:
    with RunningServer(served_bundle, log=tmp_path / "log", options=("--grace", "1")) as server:
        with ThreadPoolExecutor(CLIENTS) as pool:
            asking = [pool.submit(server.complete, **LONG, stream=i % 2 == 0) for i in range(CLIENTS)]
            while server.ask("GET", "/status").document["active"] < 4:
                pass
            server.process.send_signal(signal.SIGTERM)
            replies = [one.result() for one in asking]
        assert server.process.wait(60) == 0
    for reply in replies:
        if reply.headers["content-type"] == "text/event-stream":
            *_, last = [event for event in reply.body.decode().split("\n\n") if event]
            if last != "data: [DONE]":
                assert json.loads(last.removeprefix("data: "))["error"]["code"] == "shutting_down"
        elif reply.status != 200:
            assert (reply.status, reply.document["error"]["code"]) == (503, "shutting_down")
    assert sum(b"shutting_down" in reply.body for reply in replies) >= CLIENTS - 4
    assert "Traceback" not in server.said()
