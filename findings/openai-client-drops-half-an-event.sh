#!/usr/bin/env bash
# openai's client takes a stream that was cut for a complete answer.
#
# Packages: openai 3.57.0. Seen on 2026-12-01.
# Behaviour: when a response ends in an orderly way (its length is reached, or its last chunk has come) in the middle of
#   an event, the half event is dropped and the iteration ends as after a whole answer. `data: [DONE]` is not asked for
#   either. An error is raised only where the connection itself breaks.
# Output seen, for a stream whose second event is cut and one without `[DONE]`:
#       cut: 1 chunk, last finish_reason None, no error
#       without [DONE]: 1 chunk, last finish_reason None, no error
# Naive guess: the client knows from `[DONE]` whether the answer is whole, and raises when it is not.
# What tinylm does: a text that cannot be finished ends with a `data: {"error": ...}` event, for which this client raises
#   APIError; `tinylm chat` says of an answer without finish_reason that it was cut.
#
# Fails when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openai==3.57.0
cat >"$folder/cut.py" <<'PYTHON'
import http.server
import threading

import openai

EVENT = (
    b'data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",'
    b' "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": null}]}\n\n'
)
BODIES = {"cut": EVENT + EVENT[:60], "without [DONE]": EVENT}


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = BODIES[self.headers["x-case"]]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
for case in BODIES:
    client = openai.OpenAI(
        base_url=f"http://127.0.0.1:{server.server_address[1]}/v1",
        api_key="none",
        max_retries=0,
        default_headers={"x-case": case},
    )
    messages = [{"role": "user", "content": "hello"}]
    chunks = list(client.chat.completions.create(model="m", messages=messages, stream=True))
    print(f"{case}: {len(chunks)} chunk, last finish_reason {chunks[-1].choices[0].finish_reason}, no error")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/cut.py")
printf '%s\n' "$seen"
[ "$seen" = $'cut: 1 chunk, last finish_reason None, no error\nwithout [DONE]: 1 chunk, last finish_reason None, no error' ]
