"""Who may ask: the Host and Origin of a request, its token, and how often.

A page elsewhere must not reach a board through somebody's browser. Such a page can send a request to any address, but
not choose its Origin; and under a name of its own that it points to the board (DNS rebinding) it cannot choose Host.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Iterable

from starlette.datastructures import Headers

from tinylm.serve.api.errors import ApiError

_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
_WITHOUT_TOKEN = {"/", "/healthz", "/readyz"}
"""A page has no secret in it, and whoever watches a server has no token."""
MAX_HEAD_BYTES = 16_384
_MOST_ADDRESSES = 4096


class Guard:
    """Refuses with `ApiError`."""

    def __init__(
        self,
        *,
        host: str,
        allow_hosts: Iterable[str],
        allow_origins: Iterable[str],
        token: str | None,
        rate_per_minute: int,
    ) -> None:
        self._names = _LOOPBACK_NAMES | {host.lower()} | {name.lower() for name in allow_hosts}
        self._any_address = host in ("0.0.0.0", "::", "")
        if host not in _LOOPBACK_NAMES:
            own = socket.gethostname().lower()
            self._names |= {own, f"{own}.local"}  # as multicast DNS calls it
        self._origins = set(allow_origins)
        self._token = None if token is None else token.encode()
        self._rate = RateLimit(rate_per_minute)

    @property
    def needs_token(self) -> bool:
        return self._token is not None

    def is_preflight(self, method: str, headers: Headers) -> bool:
        """Does a browser ask, for a page that may, whether it may? It sends no token with that."""
        return method == "OPTIONS" and self.allows_origin(headers)

    def allows_origin(self, headers: Headers) -> bool:
        """Does a page ask that was named?"""
        return headers.get("origin") in self._origins

    def check(self, method: str, headers: Headers, path: str, client: str) -> None:
        """Everything about a request but its body."""
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEAD_BYTES:
            raise ApiError(431, f"the headers have more than {MAX_HEAD_BYTES} bytes", code="headers_too_large")
        self._check_host(headers.getlist("host"))
        self._check_origin(headers)
        if method == "POST":  # what costs computing; a page looks at /status all the time
            self._rate.take(client)
        if path not in _WITHOUT_TOKEN and not self.is_preflight(method, headers):
            self._check_token(headers.get("authorization", ""))

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin")
        # Host is checked by now. The scheme may differ: a reverse proxy speaks TLS.
        if origin is None or origin in self._origins or origin.split("://", 1)[-1] == headers["host"]:
            return
        raise ApiError(403, f"no page of {origin[:100]!r} may ask here (`--allow-origin`)", code="origin_not_allowed")

    def _check_host(self, hosts: list[str]) -> None:
        name = _host_name(hosts[0]) if len(hosts) == 1 else ""
        if name in self._names or (self._any_address and _is_address(name)):
            return
        raise ApiError(403, f"this server is not {name[:100]!r} (`--allow-host`)", code="host_not_allowed")

    def _check_token(self, authorization: str) -> None:
        if self._token is None:
            return
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            said = "the token is wrong" if authorization else "a token is needed: `Authorization: Bearer TOKEN`"
            raise ApiError(401, said, code="invalid_api_key", headers={"www-authenticate": "Bearer"})


class RateLimit:
    """A bucket of tokens for each address: a minute's worth at once, then as they come back."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (requests left, when that was)

    def take(self, client: str) -> None:
        """Count a request. ApiError 429 says when the next one is welcome."""
        if self._per_minute == 0:
            return
        now, per_second = time.monotonic(), self._per_minute / 60
        left, then = self._left.pop(client, (float(self._per_minute), now))
        left = min(left + (now - then) * per_second, self._per_minute)
        # The address that asked longest ago goes: its bucket is the fullest.
        self._left[client] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)
        if left < 1:
            wait_s = int((1 - left) / per_second) + 1
            message = f"{self._per_minute} requests a minute are answered (`--rate`); try again in {wait_s} s"
            raise ApiError(429, message, code="rate_limit_exceeded", headers={"retry-after": str(wait_s)})


def _host_name(host: str) -> str:
    """`[::1]:8000` and `localhost:8000` without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().removesuffix(".")


def _is_address(name: str) -> bool:
    """An address cannot be made to point elsewhere, so a page that was loaded from one came from here."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
