"""A server from start to end: models, socket, token, signals, and an orderly shutdown.

    serve([Path("runs/hello/bundle")], ServeSettings(port=8000))       # returns when it was told to stop

The first SIGTERM, SIGINT or SIGHUP ends it in order: no new connections, 503 to new requests, what runs has `grace`
seconds and is then told that the server ends. The second kills.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn
from uvicorn.config import Config

from tinylm.base.errors import say
from tinylm.serve.app import Server
from tinylm.serve.guard import MAX_HEAD_BYTES, Guard
from tinylm.serve.listening import bound_socket, url_of
from tinylm.serve.metrics import resident_bytes
from tinylm.serve.opening import budget_mb, open_models
from tinylm.serve.protocol import Connection
from tinylm.serve.scheduler import Scheduler
from tinylm.serve.settings import ServeSettings
from tinylm.serve.token_file import own_token_file, read_or_make, read_token

_IDLE_S = 30
"""For the next request on a connection."""
_LAST_WORDS_S = 3
"""For answers to reach their clients, after the texts have ended."""


def serve(bundles: Sequence[Path], settings: ServeSettings) -> None:
    """Serve until a signal; TinylmError when it cannot start."""
    listening = bound_socket(settings.host, settings.port)
    with contextlib.closing(listening):
        token = _token(settings)
        models = open_models(bundles, settings)
        try:
            scheduler = Scheduler(parallel=settings.parallel, queue=settings.queue)
            guard = Guard(
                host=settings.host,
                allow_hosts=settings.allow_host or (),
                allow_origins=settings.allow_origin or (),
                token=token,
                rate_per_minute=settings.rate_per_minute,
            )
            server = Server(
                models=models,
                scheduler=scheduler,
                settings=settings,
                guard=guard,
                limit_mb=budget_mb(settings),
            )
            asyncio.run(
                _Running(server, scheduler, settings).until_told(listening, _ready_line(server, listening, token))
            )
        finally:
            for model in models.values():
                model.close()


class _Uvicorn(uvicorn.Server):
    """uvicorn without its handling of signals, which ends the process by the signal even when all went well."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Running:
    """The event loop's part."""

    def __init__(self, server: Server, scheduler: Scheduler, settings: ServeSettings) -> None:
        self._server = server
        self._scheduler = scheduler
        self._settings = settings
        config = Config(
            server,
            http=Connection,
            ws="none",
            loop="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # its warnings are about clients; ours are in the log of requests
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=int(settings.grace) + _LAST_WORDS_S,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )
        self._uvicorn = _Uvicorn(config)
        self._closing: asyncio.Task[None] | None = None

    async def until_told(self, listening: socket.socket, ready: str) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(number, self._end)
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[listening]))
        while not self._uvicorn.started and not serving.done():
            await asyncio.sleep(0.01)
        say(ready)
        await serving
        await (self._closing or self._scheduler.close(0))
        await asyncio.gather(*self._uvicorn.server_state.tasks, return_exceptions=True)

    def _end(self) -> None:
        """Once; from then on a signal does what it does to any process."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        say(f"ending: what runs has {self._settings.grace:g} seconds; a second signal ends at once")
        self._server.closing = True
        self._uvicorn.should_exit = True
        self._closing = asyncio.create_task(self._scheduler.close(self._settings.grace))


def _token(settings: ServeSettings) -> str | None:
    """The token that clients need; None where only this machine can ask."""
    if settings.token_file is not None:
        return read_token(settings.token_file)
    return read_or_make(own_token_file()) if settings.beyond_this_machine else None


def _ready_line(server: Server, listening: socket.socket, token: str | None) -> str:
    """What whoever started it wants to know: where, what, and in how much memory."""
    names = ", ".join(server.models)
    resident, limit = resident_bytes(), budget_mb(server.settings)
    memory = "" if resident is None else f", {resident / 1e6:.0f} MB"
    if memory and limit is not None:
        memory += f" of {limit:.0f} MB ({server.settings.budget})"
    url = url_of(listening)
    lines = [f"serving {names} at {url}{memory}"]
    if token is not None:
        where = server.settings.token_file or own_token_file()
        lines += [f"the token is in {where}", f"with it: {url}/#token={token}"]
    return "\n".join(lines)
