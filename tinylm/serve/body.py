"""The body of a request, with a limit on its bytes and on the time that it takes."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from tinylm.serve.api.errors import ApiError

BODY_S = 20.0
"""For a whole body; at 1 MB that is less than the slowest link that people talk over."""
_DISCARDED_BODIES = 16
_DISCARD_S = 2.0


async def read_body(scope: Scope, receive: Receive, *, most_bytes: int) -> bytes:
    """All of the body. ApiError 413 when it is larger, 408 when it is late; ClientDisconnect when it never comes."""
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(BODY_S):
            while more and len(body) <= most_bytes and _announced(scope) <= most_bytes:
                chunk, more = await _next(receive)
                body += chunk
    except TimeoutError:
        raise ApiError(408, f"the body took more than {BODY_S:.0f} seconds", headers=_CLOSE) from None
    if more or len(body) > most_bytes:
        await _discard(receive, most_bytes * _DISCARDED_BODIES, more=more)
        size = max(len(body), _announced(scope))
        message = f"the body has {size} bytes or more; at most {most_bytes} are read (`--max-body`)"
        raise ApiError(413, message, code="body_too_large", headers=_CLOSE)
    return bytes(body)


_CLOSE = {"connection": "close"}


def _announced(scope: Scope) -> int:
    """What the client says that it sends; h11 has checked that it is a number."""
    return int(dict(scope["headers"]).get(b"content-length", b"0"))


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


async def _discard(receive: Receive, most_bytes: int, *, more: bool) -> None:
    """Let a client finish that writes all before it reads: closed while it writes, it would never see the answer."""
    try:
        async with asyncio.timeout(_DISCARD_S):
            while more and most_bytes > 0:
                chunk, more = await _next(receive)
                most_bytes -= len(chunk)
    except TimeoutError:
        pass
