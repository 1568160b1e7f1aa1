"""One connection: uvicorn's HTTP/1.1 on h11, with limits on what a client that sends slowly, or never, can hold.

uvicorn has a limit on idle time only. Here a connection is closed that takes too long for a request's head, that does
not read its answer, or that is one too many; and what is no HTTP is answered as JSON. How long a body may take is the
concern of `tinylm.serve.body`.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from tinylm.serve.api.errors import ApiError

HEAD_S = 10.0
"""For the first line and the headers of a request, from the moment that the connection is free for it."""
STALLED_S = 30.0
"""For a client to read on, when the system's buffers are full of its answer."""
MAX_CONNECTIONS = 256
MAX_CONNECTIONS_OF_ONE = 64
"""From one other machine. A reverse proxy on this one may hold all that there are."""
_LOOPBACK = ("127.", "::1")


class Connection(H11Protocol):
    """A connection with limits."""

    _peer = ""
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        if len(self.connections) > MAX_CONNECTIONS or self._too_many_of_one():
            refused = ApiError(503, "too many connections", code="too_many_connections", headers={"retry-after": "1"})
            transport.write(_raw_answer(refused, "Service Unavailable"))
            transport.close()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)  # it stops the timer of an idle connection whatever comes
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_arrived()
        elif self._head_timer is None and not self.transport.is_closing():
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or has a head that is too long: an answer where none has begun, and the end."""
        self._stop_timers()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            wrong = ApiError(400, "the request is no HTTP/1.1, or its head is too long", code="invalid_http")
            self.transport.write(_raw_answer(wrong, "Bad Request"))
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _too_many_of_one(self) -> bool:
        if self._peer.startswith(_LOOPBACK):
            return False
        own = [one for one in self.connections if isinstance(one, Connection) and one._peer == self._peer]
        return len(own) > MAX_CONNECTIONS_OF_ONE

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.write(_raw_answer(ApiError(408, "the request's head took too long"), "Request Timeout"))
            self.transport.close()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._stall_timer = None


def _raw_answer(error: ApiError, reason: str) -> bytes:
    """For a connection that is closed next, beside h11, whose state may not allow an answer."""
    body = error.body()
    extra = "".join(f"{name}: {value}\r\n" for name, value in error.headers.items())
    head = (
        f"HTTP/1.1 {error.status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"{extra}connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
