"""The ASGI application: its paths, what stands before them, and how every mistake becomes JSON.

GET  /                      the page
POST /v1/completions, /v1/chat/completions, /generate
GET  /v1/models, /v1/models/NAME
GET  /healthz, /readyz      for whoever starts and watches the server
GET  /status, /metrics      figures: for the page, for Prometheus
GET  /openapi.json
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from traceback import format_exc
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import tinylm
from tinylm.base.errors import say
from tinylm.runtime.measurement.proc_self import resident_bytes
from tinylm.serve import request_log
from tinylm.serve.answering import Answering
from tinylm.serve.api.errors import ApiError
from tinylm.serve.api.openapi import openapi
from tinylm.serve.api.requests import Models, find_model, read_chat, read_completion, read_generate
from tinylm.serve.guard import Guard
from tinylm.serve.metrics import CONTENT_TYPE, Metrics
from tinylm.serve.models_list import model_entry
from tinylm.serve.remembered import RememberedAnswers
from tinylm.serve.request_log import Record
from tinylm.serve.scheduler import Scheduler
from tinylm.serve.settings import ServeSettings

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Where an answer does not say otherwise, as the page does."""
_WATCHED = {"/healthz", "/readyz", "/metrics", "/status"}
"""Asked again and again by whoever watches; that all is well is no news for the log."""
_LEFT = 499
"""What nginx writes for a client that left before its answer."""
_SHUTTING_DOWN = ApiError(503, "the server is shutting down", code="shutting_down", headers={"retry-after": "5"})


class Server:
    """What the endpoints share, and the application around them."""

    def __init__(
        self,
        *,
        models: Models,
        scheduler: Scheduler,
        settings: ServeSettings,
        guard: Guard,
        limit_mb: float | None = None,
    ) -> None:
        """`limit_mb` is the memory of the budget that was named."""
        self.models = models
        self.scheduler = scheduler
        self.settings = settings
        self.metrics = Metrics()
        self.closing = False
        """No new requests: the server is about to end."""
        self._guard = guard
        self._limit_mb = limit_mb
        self._created = int(time.time())
        for name, help, read in (
            ("tinylm_active_texts", "Texts that are being written.", lambda: scheduler.stats().active),
            ("tinylm_waiting_texts", "Texts that wait to be written.", lambda: scheduler.stats().waiting),
            ("tinylm_memory_limit_bytes", "Memory of the budget.", lambda: limit_mb and limit_mb * 1e6),
        ):
            self.metrics.gauge(name, help, read)
        self._paths = self._routes()
        self._known_paths = {route.path for route in self._paths}
        # Not `Starlette`, whose answer to a mistake of ours is plain text.
        router = Router(self._paths, redirect_slashes=False)
        self._inner: ASGIApp = ExceptionMiddleware(router, {ApiError: _api_error, HTTPException: _http_error})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard, answer, log and count one request; whatever goes wrong is JSON with a status."""
        headers = Headers(scope=scope)
        record = self._record(scope, headers)
        scope["state"]["record"] = record
        scope["app"] = self  # then Starlette raises HTTPException for what it does not find
        sending = _Sending(send, record, headers["origin"] if self._guard.allows_origin(headers) else None)
        try:
            await self._answer(scope, headers, receive, sending, record)
        except ClientDisconnect:
            record.details["left"] = True
        except asyncio.CancelledError:  # the time for an orderly end is over
            if sending.status is not None:
                raise
            await _error_response(_SHUTTING_DOWN)(scope, receive, sending)
        except ApiError as error:
            record.details["error"] = error.code
            await _error_response(error)(scope, receive, sending)
        except Exception:
            record.details["error"] = "internal"
            with suppress(OSError):  # as in `request_log.write`
                say(format_exc().rstrip())
            if sending.status is None:
                await _error_response(ApiError(500, "a mistake of the server; its log says more", code="internal"))(
                    scope, receive, sending
                )
            else:  # cut in the middle, which a client can tell from an orderly end
                raise
        finally:
            self._finish(scope, record, sending.status or _LEFT)

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send, record: Record) -> None:
        self._guard.check(scope["method"], headers, scope["path"], record.client)
        if self._guard.is_preflight(scope["method"], headers):
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
            return
        if self.closing and scope["method"] == "POST":
            raise _SHUTTING_DOWN
        await self._inner(scope, receive, send)

    def _record(self, scope: Scope, headers: Headers) -> Record:
        given = headers.get("x-request-id", "")
        return Record(
            id=given if _SANE_ID.fullmatch(given) else secrets.token_hex(12),
            client=scope["client"][0] if scope["client"] else "",
            method=scope["method"],
            path=scope["path"],
        )

    def _finish(self, scope: Scope, record: Record, status: int) -> None:
        path = scope["path"] if scope["path"] in self._known_paths else "other"
        self.metrics.requests.add(1, path, str(status))
        if "error" in record.details:
            self.metrics.refused.add(1, str(record.details["error"]))
        if path not in _WATCHED or status >= 400:
            request_log.write(record, status=status, with_text=self.settings.log_text)

    def _routes(self) -> list[Route]:
        shared: dict[str, Any] = {
            "models": self.models,
            "scheduler": self.scheduler,
            "answers": RememberedAnswers(self.settings.remember),
            "metrics": self.metrics,
            "settings": self.settings,
        }
        gets: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self._page,
            "/v1/models": self._models,
            "/v1/models/{name:path}": self._model,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics_text,
            "/status": self._status,
            "/openapi.json": self._openapi,
        }
        return [
            *(
                Route(path, Answering(read, **shared), methods=["POST"])
                for path, read in (
                    ("/v1/completions", read_completion),
                    ("/v1/chat/completions", read_chat),
                    ("/generate", read_generate),
                )
            ),
            *(Route(path, endpoint, methods=["GET"]) for path, endpoint in gets.items()),
        ]

    async def _models(self, request: Request) -> Response:
        entries = [model_entry(model, created=self._created) for model in self.models.values()]
        return _json({"object": "list", "data": entries})

    async def _model(self, request: Request) -> Response:
        return _json(model_entry(find_model(request.path_params["name"], self.models), created=self._created))

    async def _healthz(self, request: Request) -> Response:
        return _json({"status": "ok"})

    async def _readyz(self, request: Request) -> Response:
        if self.closing:
            raise _SHUTTING_DOWN
        return _json({"status": "ready"})

    async def _metrics_text(self, request: Request) -> Response:
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    async def _status(self, request: Request) -> Response:
        stats, resident, metrics = self.scheduler.stats(), resident_bytes(), self.metrics
        return _json(
            {
                "version": tinylm.__version__,
                "models": list(self.models),
                "rss_mb": None if resident is None else round(resident / 1e6, 1),
                "limit_mb": self._limit_mb,
                "budget": self.settings.budget,
                "active": stats.active,
                "waiting": stats.waiting,
                "parallel": stats.parallel,
                "queue": stats.queue,
                "requests": int(metrics.requests.total),
                "tokens": int(metrics.completion_tokens.total),
                "uptime_s": round(time.time() - metrics.started, 1),
                "changed": [model.name for model in self.models.values() if model.changed],
            }
        )

    async def _openapi(self, request: Request) -> Response:
        vocab_size = min(model.tokenizer.vocab_size for model in self.models.values())
        return _json(openapi(token=self._guard.needs_token, vocab_size=vocab_size))

    async def _page(self, request: Request) -> Response:
        from tinylm.serve.page import headers, page  # a server that only programs ask never makes it

        return Response(page(), headers=headers())


class _Sending:
    """`send` with the headers that every answer has, which remembers the status."""

    def __init__(self, send: Send, record: Record, allowed_origin: str | None) -> None:
        self._send = send
        self._record = record
        self._origin = allowed_origin
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._record.id
            for name, value in _SECURITY.items():
                headers.setdefault(name, value)
            if self._origin is not None:
                headers["access-control-allow-origin"] = self._origin
                headers["access-control-expose-headers"] = "x-request-id"
                headers.add_vary_header("Origin")
        await self._send(message)


_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, x-request-id",
    "access-control-max-age": "600",
}


def _json(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), media_type="application/json")


def _error_response(error: ApiError) -> Response:
    return Response(error.body(), status_code=error.status, headers=error.headers, media_type="application/json")


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    request.scope["state"]["record"].details["error"] = error.code
    return _error_response(error)


async def _http_error(request: Request, error: Exception) -> Response:
    """Starlette's own: no such path, no such method there."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"][:200]
    message = f"there is nothing at {path!r}" if error.status_code == 404 else f"{request.method} is not for {path!r}"
    code = "unknown_path" if error.status_code == 404 else "method_not_allowed"
    wrong = ApiError(error.status_code, message, code=code, headers=dict(error.headers or {}))
    request.scope["state"]["record"].details["error"] = code
    return _error_response(wrong)
