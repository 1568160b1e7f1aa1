"""Clients of a completion API, as cheap as they can be, in a process of their own on a core of their own.

    python -P -m serving.clients PORT CORE        answers one JSON line for each on its input

A line says {"model": NAME, "clients": 8, "prompts": [...], "max_tokens": 64, "stream": true}: so many at once, each on
a connection of its own, ask for every prompt, one after another. The answer is a list with, for each request,
`begun_ns`, `first_ns` (the first text was there), `ended_ns`, `tokens`, `text`, and `error`, None for a status of 200.
What comes is only taken in while the clock runs, and understood afterwards.
"""

import json
import os
import socket
import sys
import threading
import time

HOST = "127.0.0.1"
HEADER_END = b"\r\n\r\n"
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Client:
    """One connection, kept open."""

    def __init__(self, port):
        self.port, self.answers = port, []
        self.connect()

    def connect(self):
        """Nothing waits to be sent together with more."""
        self.socket = socket.create_connection((HOST, self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request):
        """Send a request; when what came, until the answer has ended."""
        begun, parts, data = time.perf_counter_ns(), [], b""
        self.socket.sendall(request)
        while not ended(data):
            part = self.socket.recv(65536)
            if not part:
                break
            data += part
            parts.append((time.perf_counter_ns(), len(data)))
        self.answers.append((begun, parts, data))
        if not part or b"connection: close" in data[: data.find(HEADER_END)].lower():
            self.socket.close()
            self.connect()


def ended(data):
    """Whether an answer is complete."""
    head = data.find(HEADER_END)
    if head < 0:
        return False
    if data.endswith(LAST_CHUNK):
        return True
    start = data[:head].lower().find(b"content-length:")
    return start >= 0 and len(data) >= head + 4 + int(data[start + 15 : head].split(b"\r\n")[0])


def understood(begun, parts, data, *, max_tokens):
    """What an answer says, and when."""
    head, _, body = data.partition(HEADER_END)
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        return {"error": (head[:20] + b" " + body[:200]).decode(errors="replace")}
    text, usage, finish, pieces, first = "", None, None, 0, None
    for at, document in documents(body, len(head) + 4):
        choice = (document.get("choices") or [{}])[0]
        if choice.get("text"):
            text, pieces, first = text + choice["text"], pieces + 1, first or at
        usage, finish = document.get("usage") or usage, choice.get("finish_reason") or finish
    # A stream without usage: every token is a piece, unless one is half a character.
    tokens = usage["completion_tokens"] if usage else max_tokens if finish == "length" else pieces
    return {
        "begun_ns": begun,
        "first_ns": next((when for when, size in parts if first and size >= first), None),
        "ended_ns": parts[-1][0],
        "tokens": tokens,
        "text": text,
        "error": None if finish else "no finish_reason",
    }


def documents(body, start):
    """The JSON documents of an answer, each with the bytes of the answer until it was complete."""
    if not body.startswith(b"{"):
        line_start = 0
        while (line_end := body.find(b"\n", line_start)) >= 0:
            line = body[line_start:line_end].strip()
            if line.startswith(b"data: {"):
                yield start + line_end, json.loads(line[6:])
            line_start = line_end + 1
    else:
        yield start + len(body), json.loads(body)


def play(port, order):
    """All clients at once; what each request came to."""
    clients = [Client(port) for _ in range(order["clients"])]
    requests = []
    for prompt in order["prompts"]:
        asked = {"model": order["model"], "prompt": prompt, "max_tokens": order["max_tokens"], "temperature": 0}
        body = json.dumps(asked | {"stream": order["stream"]}).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    start = threading.Barrier(len(clients))

    def work(number, client):
        start.wait()
        for place in range(len(requests)):  # not all the same at the same time
            client.ask(requests[(place + number) % len(requests)])

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.socket.close()
    return [understood(*answer, max_tokens=order["max_tokens"]) for client in clients for answer in client.answers]


def main():
    """Answer what comes."""
    port, core = map(int, sys.argv[1:])
    os.sched_setaffinity(0, {core})
    for line in sys.stdin:
        print(json.dumps(play(port, json.loads(line))), flush=True)


main()
