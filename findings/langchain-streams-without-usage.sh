#!/usr/bin/env bash
# LangChain's client asks for the usage of a stream at OpenAI's own address only.
#
# Packages: langchain-openai 1.7.4, openai 3.57.0. Seen on 2026-12-01.
# Behaviour: with another `base_url`, a stream is asked for without `stream_options`, so a server that keeps to the API
#   counts no tokens in it, and what counts tokens behind LangChain sees none. `stream_usage=True` brings it back.
# Output seen, what the server was asked for:
#       as it comes: None
#       stream_usage=True: {'include_usage': True}
# Naive guess: the client asks every server for the same, since the API is the same.
# What tinylm does: docs/serve.md shows the client with `stream_usage=True`, and a test runs it.
#
# Fails when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet langchain-openai==1.7.4 openai==3.57.0
cat >"$folder/asked.py" <<'PYTHON'
import http.server
import json
import threading

from langchain_openai import ChatOpenAI

asked = []
STREAM = (
    b'data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",'
    b' "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(STREAM)))
        self.end_headers()
        self.wfile.write(STREAM)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_address[1]}/v1"
for name, options in {"as it comes": {}, "stream_usage=True": {"stream_usage": True}}.items():
    for _ in ChatOpenAI(base_url=address, api_key="none", model="m", **options).stream("hello"):
        pass
    print(f"{name}: {asked[-1].get('stream_options')}")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/asked.py")
printf '%s\n' "$seen"
[ "$seen" = $'as it comes: None\nstream_usage=True: {\'include_usage\': True}' ]
