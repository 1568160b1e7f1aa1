#!/usr/bin/env bash
# A plain generator behind a streaming response is not told that its client has left.
#
# Packages: starlette 1.10.0, uvicorn 0.54.0. Seen on 2026-12-01.
# Behaviour: when a client leaves, starlette stops asking a `def` generator for more and drops it without closing it.
#   Nothing is raised in it; its `finally` runs whenever the garbage collector finds it, and until then it holds what it
#   holds, such as a lock.
# Output seen (the collector is off, as between two collections):
#       2 s after the client left: locked
#       after a collection: free
# Naive guess: leaving closes the generator, as the end of a `for` loop would, so `with lock:` around a stream is safe.
# What tinylm does: a text is cancelled by name when its client leaves, and no lock is held across a piece of a stream
#   (tinylm/serve/scheduler.py).
#
# Fails when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uvicorn==0.54.0 starlette==1.10.0
cat >"$folder/leaving.py" <<'PYTHON'
import gc
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

lock = threading.Lock()


def pieces():
    with lock:
        while True:
            yield b"x" * 1000
            time.sleep(0.01)


async def stream(request):
    return StreamingResponse(pieces())


app = Starlette(routes=[Route("/", stream)])
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
gc.disable()


def client():
    while not server.started:
        time.sleep(0.01)
    with socket.create_connection(server.servers[0].sockets[0].getsockname()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        connection.recv(1000)
    time.sleep(2)
    print("2 s after the client left:", "locked" if lock.locked() else "free")
    gc.collect()
    time.sleep(0.5)
    print("after a collection:", "locked" if lock.locked() else "free")
    server.should_exit = True


reader = threading.Thread(target=client)
reader.start()
server.run()
reader.join()
PYTHON
seen=$("$folder/venv/bin/python" "$folder/leaving.py")
printf '%s\n' "$seen"
[ "$seen" = $'2 s after the client left: locked\nafter a collection: free' ]
