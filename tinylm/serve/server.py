"""A server from start to end: models, socket, token, signals, and an orderly shutdown.

    serve([Path("runs/hello/bundle")], ServeSettings(port=8000))       # returns when it was told to stop

The first SIGTERM, SIGINT or SIGHUP ends it in order: no new connections, 503 to new requests, what runs has `grace`
seconds and is then told that the server ends. The second kills.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn
from uvicorn.config import Config

from tinylm.base.errors import say
from tinylm.runtime.measurement.proc_self import resident_bytes
from tinylm.serve.api.requests import Models
from tinylm.serve.app import Server
from tinylm.serve.guard import MAX_HEAD_BYTES, Guard
from tinylm.serve.listening import bound_socket, url_of
from tinylm.serve.opening import budget_mb, open_models
from tinylm.serve.protocol import Connection
from tinylm.serve.scheduler import Scheduler
from tinylm.serve.settings import ServeSettings
from tinylm.serve.token_file import own_token_file, read_or_make, read_token

_IDLE_S = 30
"""For the next request on a connection."""
_LAST_WORDS_S = 3
"""For answers to reach their clients, after the texts have ended."""


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def serve(bundles: Sequence[Path], settings: ServeSettings) -> None:
    """Serve until a signal; TinylmError when it cannot start."""
    with Running(bundles, settings) as running:
        asyncio.run(until_told(running))


async def until_told(running: Running) -> None:
    """Serve until a signal, and say when it is ready."""
    loop = asyncio.get_running_loop()
    ours = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # as under nohup

    def end() -> None:
        """Once; from then on a signal does what it does to any process."""
        for number in ours:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        running.end()
        _tell(f"ending: what runs has {running.settings.grace:g} seconds; a second signal ends at once")

    for number in ours:
        loop.add_signal_handler(number, end)
    await running.run(ready=lambda: _tell(running.announcement()))


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed, a log that nobody reads: the server goes on
        say(line)


class _Uvicorn(uvicorn.Server):
    """uvicorn without its handling of signals, which ends the process by the signal even when all went well."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Running:
    """Everything that is open while a server runs: its socket and its models, which leaving it closes."""

    def __init__(self, bundles: Sequence[Path], settings: ServeSettings) -> None:
        """Bind the socket, then open the models; TinylmError when one of these cannot be had."""
        self.settings = settings
        self._closing: asyncio.Task[None] | None = None
        with contextlib.ExitStack() as stack:
            self._socket = stack.enter_context(bound_socket(settings.host, settings.port))
            self.url = url_of(self._socket)
            self._token = _token(settings)
            models = open_models(bundles, settings)
            for model in models.values():
                stack.callback(model.close)
            self._limit_mb = budget_mb(settings)
            self._scheduler = Scheduler(parallel=settings.parallel, queue=settings.queue)
            self.server = self._made(models)
            self._uvicorn = _Uvicorn(self._config())
            self._open = stack.pop_all()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Serve until `end` is called; `ready` is called once requests are answered."""
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        while not self._uvicorn.started and not serving.done():
            await asyncio.sleep(0.01)
        if not serving.done():
            ready()
        await serving
        await (self._closing or self._scheduler.close(0))
        await asyncio.gather(*self._uvicorn.server_state.tasks, return_exceptions=True)

    def end(self) -> None:
        """From the event loop: let what runs come to its end, and no more begin."""
        self.server.closing = True
        self._uvicorn.should_exit = True
        self._closing = asyncio.create_task(self._scheduler.close(self.settings.grace))

    def announcement(self) -> str:
        """What whoever started it wants to know: what, where, in how much memory, and with which token."""
        resident = resident_bytes()
        memory = "" if resident is None else f", {resident / 1e6:.0f} MB"
        if memory and self._limit_mb is not None:
            memory += f" of {self._limit_mb:.0f} MB ({self.settings.budget})"
        lines = [f"serving {', '.join(self.server.models)} at {self.url}{memory}"]
        if self._token is not None:
            lines.append(f"the token is in {self.settings.token_file or own_token_file()}")
            if sys.stderr.isatty():  # a log keeps what it is told, for others too
                lines.append(f"with it: {self.url}/#token={self._token}")
        return "\n".join(lines)

    def _made(self, models: Models) -> Server:
        settings = self.settings
        guard = Guard(
            host=settings.host,
            allow_hosts=settings.allow_host or (),
            allow_origins=settings.allow_origin or (),
            token=self._token,
            rate_per_minute=settings.rate_per_minute,
        )
        return Server(models=models, scheduler=self._scheduler, settings=settings, guard=guard, limit_mb=self._limit_mb)

    def _config(self) -> Config:
        return Config(
            self.server,
            http=Connection,
            ws="none",
            loop="none",
            lifespan="off",  # its end comes before streams are cancelled
            interface="asgi3",
            log_config=None,
            log_level="critical",  # its warnings are about clients; ours are in the log of requests
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=int(self.settings.grace) + _LAST_WORDS_S,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )


def _token(settings: ServeSettings) -> str | None:
    """The token that clients need; None where only this machine can ask."""
    if settings.token_file is not None:
        return read_token(settings.token_file)
    return read_or_make(own_token_file()) if settings.beyond_this_machine else None
