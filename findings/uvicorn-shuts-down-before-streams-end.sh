#!/usr/bin/env bash
# uvicorn runs an application's shutdown while responses are still being streamed.
#
# Packages: uvicorn 0.54.0, starlette 1.10.0. Seen on 2026-12-01.
# Behaviour: told to exit, uvicorn waits `timeout_graceful_shutdown` seconds for open responses. When that is over, it
#   runs the lifespan's shutdown first, and cancels the responses that are still streaming afterwards.
# Output seen, in the order in which it happened:
#       lifespan shutdown
#       stream ended
# Naive guess: what the application opened for its requests can be closed in the lifespan's shutdown, since by then the
#   requests have ended or were cancelled. A model that is closed there is closed under a stream that still reads it.
# What tinylm does: it lets texts end, and ends those that take too long, before uvicorn is told to exit, and closes
#   models behind that (tinylm/serve/).
#
# Fails when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uvicorn==0.54.0 starlette==1.10.0
cat >"$folder/order.py" <<'PYTHON'
import asyncio
import contextlib
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

order = []


@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    order.append("lifespan shutdown")


async def endless(request):
    async def body():
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0.01)
        finally:
            order.append("stream ended")

    return StreamingResponse(body())


app = Starlette(routes=[Route("/", endless)], lifespan=lifespan)
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))


def client():
    while not server.started:
        time.sleep(0.01)
    with socket.create_connection(server.servers[0].sockets[0].getsockname()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        connection.recv(1000)
        server.should_exit = True
        with contextlib.suppress(OSError):
            while connection.recv(1000):
                pass


reader = threading.Thread(target=client)
reader.start()
server.run()
reader.join()
print("\n".join(order))
PYTHON
seen=$("$folder/venv/bin/python" "$folder/order.py")
printf '%s\n' "$seen"
[ "$seen" = $'lifespan shutdown\nstream ended' ]
