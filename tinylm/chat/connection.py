"""HTTP to a server of the chat API, with Python's own client: JSON in, JSON or a stream of events out.

Each request has a connection of its own, so that leaving one ends what the server does for it. Nothing that a server
sends is trusted: lines and bodies have a greatest length, and what is shown of them is made printable.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable

_CONNECT_S = 10.0
_PATIENCE_S = 600.0
"""Between two pieces of an answer: a board may read a long prompt, and others may be served first."""
_MOST_BYTES = 4_000_000
_MOST_LINE_BYTES = 1_000_000
_DEFAULT_WAIT_S, _MOST_WAIT_S = 2.0, 60.0
_BUSY = (429, 503)


class ServerBusy(Exception):
    """The server wants to be asked again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"busy for {seconds} s")
        self.seconds = seconds


class Connection:
    """Where a server is, and what it is told by everybody who asks."""

    def __init__(self, url: str, *, token: str | None) -> None:
        """`url` is the server's address, with or without `/v1`. TinylmError where it is none."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            http.client.HTTPConnection(host or "")  # checks it
        except (ValueError, http.client.HTTPException) as error:
            raise TinylmError(f"`{printable(url)[:200]}` is no address: {printable(str(error))}", _EXAMPLE) from error
        if parts.scheme not in ("http", "https") or not host:
            raise TinylmError(f"`{printable(url)[:200]}` is no address of a server", _EXAMPLE)
        if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
            raise TinylmError("the token has characters that no token has", "it is one line of letters and digits")
        self._secure, self._host, self._port = parts.scheme == "https", host, port
        self._path = parts.path.rstrip("/").removesuffix("/v1")
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._path}"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, name: str, *, within_api: bool = True) -> Mapping[str, Any]:
        """The JSON document at `/v1/NAME`, or `/NAME`. TinylmError where there is none; ServerBusy."""
        with _Exchange(self, "GET", f"{self._path}{'/v1' if within_api else ''}/{name}", None) as exchange:
            exchange.receive()
            return exchange.document()

    def stream(self, name: str, body: Mapping[str, Any]) -> Stream:
        """Post `body` to `/v1/NAME`, for what the server then sends, event by event. TinylmError without a server."""
        return Stream(_Exchange(self, "POST", f"{self._path}/v1/{name}", json.dumps(body).encode()))

    def open(self) -> http.client.HTTPConnection:
        """A new connection."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection  # it checks certificates
        return kind(self._host, self._port, timeout=_CONNECT_S)

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers


class _Exchange:
    """One request, sent when it is made, and its response."""

    def __init__(self, place: Connection, method: str, path: str, body: bytes | None) -> None:
        self._url = place.url
        self._client = place.open()
        self._response: http.client.HTTPResponse | None = None
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            with self._explained():
                self._client.connect()
                self._socket: socket.socket = self._client.sock
                self._socket.settimeout(_PATIENCE_S)
                # The connection ends with the answer.
                self._client.request(method, path, body, {**place.headers, **kind, "Connection": "close"})
        except BaseException:
            self.close()
            raise

    def receive(self) -> None:
        """Wait for the response's head. TinylmError or ServerBusy for a status that is no success."""
        with self._explained():
            self._response = self._client.getresponse()
            status = self._response.status
            if 200 <= status < 300:
                return
            said = _message(self._response.read(_MOST_BYTES))
            wait, where = self._response.getheader("Retry-After"), self._response.getheader("Location")
        if status in _BUSY:
            raise ServerBusy(_seconds(wait))
        if status in (401, 403):
            raise TinylmError(
                f"the server at {self._url} wants a token, or another one: {said}",
                "name its file with --token-file, or put it into the environment variable TINYLM_TOKEN",
            )
        if 300 <= status < 400:
            raise TinylmError(
                f"the server at {self._url} is elsewhere: {printable(where or '')[:200]}", "name that address"
            )
        raise TinylmError(f"the server at {self._url} refuses with {status}: {said}", _REFUSED.get(status, ""))

    def document(self) -> Mapping[str, Any]:
        """The response's body. TinylmError where it is no JSON object."""
        with self._explained():
            data = self._response.read(_MOST_BYTES + 1) if self._response else b""
        return _table(data)

    def line(self) -> bytes:
        """The next line, without its end; empty at the end of everything."""
        with self._explained():
            line = self._response.readline(_MOST_LINE_BYTES) if self._response else b""
        if len(line) >= _MOST_LINE_BYTES:
            raise TinylmError(f"the server sent a line of more than {_MOST_LINE_BYTES:,} bytes")
        return line

    def abort(self) -> None:
        """Make whoever waits for the server wait no longer."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._client.close()

    def __enter__(self) -> _Exchange:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong with a network, as a TinylmError."""
        try:
            yield
        except TimeoutError as error:
            raise TinylmError(f"the server at {self._url} does not answer", _REACH) from error
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # http.client: what its parser meets in a broken response, and what it meets when it was aborted.
            words = (
                error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
            )
            raise TinylmError(f"no connection to {self._url}: {printable(words)[:200]}", _REACH) from error


class Stream:
    """The events of a response; a context manager, to be iterated once."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def begin(self) -> None:
        """Wait until the server answers. TinylmError where it refuses; ServerBusy."""
        self._exchange.receive()

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Each event's JSON document, to `[DONE]` or the end. TinylmError where one is none, or the connection breaks.

        (https://html.spec.whatwg.org/multipage/server-sent-events.html)
        """
        data: list[bytes] = []
        while line := self._exchange.line():
            line = line.rstrip(b"\r\n")
            field, _, value = line.partition(b":")
            if field == b"data":
                data.append(value.removeprefix(b" "))
            elif not line and data:
                document = b"\n".join(data)
                data = []
                if document.strip() == b"[DONE]":
                    return
                yield _table(document)

    def abort(self) -> None:
        """End it; a signal handler may call it."""
        self._exchange.abort()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        self._exchange.close()


_EXAMPLE = "such as http://127.0.0.1:8000"
_REACH = "does it run, and is that its address and port?"
_REFUSED = {404: "does it speak the API of OpenAI, under /v1?"}


def _table(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        start = printable(data[:80].decode(errors="replace"))
        raise TinylmError(f"the server sent what is no JSON object: `{start}`", "does it speak the API of OpenAI?")
    return found


def _message(data: bytes) -> str:
    """What an error's body says, in OpenAI's form or as it stands."""
    try:
        error = json.loads(data).get("error")
        words = error.get("message") if isinstance(error, dict) else error
    except (ValueError, AttributeError, RecursionError):
        words = None
    return printable(str(words or data[:300].decode(errors="replace"))).strip()[:300] or "no reason given"


def _seconds(header: str | None) -> float:
    """How long to wait; a date, which is allowed too, and nonsense count as none."""
    try:
        seconds = float(header or "")
    except ValueError:
        return _DEFAULT_WAIT_S
    return min(max(seconds, 0.1), _MOST_WAIT_S) if math.isfinite(seconds) else _DEFAULT_WAIT_S
