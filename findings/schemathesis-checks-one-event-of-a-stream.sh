#!/usr/bin/env bash
# schemathesis takes the schema of a `text/event-stream` response for that of one event, not of the stream.
#
# Packages: schemathesis 4.32.5. Seen on 2026-12-01.
# Behaviour: it parses the stream and compares every event, as an object {"data": ..., "event": ...} with "message" for an
#   event without a name, with the response's schema. OpenAPI 3.1 says nothing of that; most documents, and the ones that
#   frameworks write, have `{"type": "string"}` there, which every stream then violates.
# Output seen, for a server that answers `data: hello`:
#       schema of a text: 1, SSE event violates schema
#       schema of an event: 0
# Naive guess: the body of a stream is a string, and `{"type": "string"}` describes it.
# What tinylm does: /openapi.json describes one event (tinylm/serve/api/answer_schemas.py).
#
# Fails when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet schemathesis==4.32.5
cat >"$folder/stream.py" <<'PYTHON'
import http.server
import json
import subprocess
import sys
import threading

SCHEMAS = {
    "text": {"type": "string"},
    "event": {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]},
}


def document(schema):
    answer = {"description": "a stream", "content": {"text/event-stream": {"schema": schema}}}
    paths = {"/stream": {"get": {"responses": {"200": answer}}}}
    return json.dumps({"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths}).encode()


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/").partition(".")[0]
        body, kind = b"data: hello\n\n", "text/event-stream"
        if name in SCHEMAS:
            body, kind = document(SCHEMAS[name]), "application/json"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
for name in SCHEMAS:
    command = [sys.executable, "-m", "schemathesis.cli", "run"]
    command += [f"http://127.0.0.1:{server.server_address[1]}/{name}.json", "--phases", "fuzzing"]
    command += ["--checks", "response_schema_conformance", "--max-examples", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    said = ", SSE event violates schema" if "SSE event violates schema" in done.stdout else ""
    print(f"schema of {'an' if name == 'event' else 'a'} {name}: {done.returncode}{said}")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/stream.py")
printf '%s\n' "$seen"
[ "$seen" = $'schema of a text: 1, SSE event violates schema\nschema of an event: 0' ]
