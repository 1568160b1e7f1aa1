"""A client of one connection, which times what it is sent.

    client = Client(port)
    answer = client.complete({"prompt": "Once", "max_tokens": 20})
    answer.text, answer.latency_ns, answer.ttft_ns

A stream is read as it comes, and after its first text nothing of it is parsed before its end: where there is one core,
the client's work is a part of the measured time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

FILTERED = "content_filter"
"""Why a text ends, and the code of a refusal, where the server's content filter found something."""
_READ_BYTES = 65536
_PREFIX = b"data:"
_DONE = b"[DONE]"


class Refusal(Exception):
    """The server answered with a status from 400 on."""

    def __init__(self, status: int, message: str, code: str | None) -> None:
        super().__init__(f"status {status}: {message}")
        self.status = status
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A streamed text, with when it came."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    """Of the prompt, those that the server had in its cache."""
    latency_ns: int
    """From the request to the end of the stream."""
    ttft_ns: int
    """To the first text."""
    itl_ns: int
    """Mean time between tokens: as the client saw it, or as the server says where that is more, as when the first text
    is of several tokens."""


class Client:
    """One connection to a server of this machine."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)

    def get(self, path: str) -> Any:
        """The document at a path; Refusal for another status than success, OSError without a connection."""
        self._connection.request("GET", path)
        response = self._connection.getresponse()
        body = response.read()
        if response.status >= 400:
            raise _refusal(response.status, body)
        return json.loads(body)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def complete(self, body: dict[str, Any], *, at_first: Callable[[], None] = lambda: None) -> Answer:
        """Ask for a completion as a stream; `at_first` is called when its first text is there.

        Refusal where the server refuses; OSError, HTTPException or ValueError where the answer is none.
        """
        options = {"stream": True, "stream_options": {"include_usage": True}}
        data = json.dumps({**body, **options}).encode()
        begin = time.perf_counter_ns()
        self._connection.request("POST", "/v1/completions", data, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        if response.status >= 400:
            raise _refusal(response.status, response.read())
        rest, events, first_ns = b"", list[tuple[int, bytes]](), 0
        while block := response.read1(_READ_BYTES):
            now = time.perf_counter_ns()
            *whole, rest = (rest + block).split(b"\n\n")
            events += [(now, event) for event in whole if event.startswith(_PREFIX)]
            if not first_ns and any(_text(_parsed(event)) for _, event in events):
                first_ns = now
                at_first()
        end = time.perf_counter_ns()
        return _answer(events, begin, first_ns or end, end)


def _answer(events: Sequence[tuple[int, bytes]], begin: int, first_ns: int, end: int) -> Answer:
    if not events or events[-1][1].removeprefix(_PREFIX).strip() != _DONE:
        raise ValueError("the stream broke off")
    chunks = [(at, _parsed(event)) for at, event in events[:-1]]
    for _, chunk in chunks:
        if "error" in chunk:
            raise _refusal(500, json.dumps(chunk).encode())
    last_ns = max((at for at, chunk in chunks if _text(chunk)), default=first_ns)
    reasons = [choice["finish_reason"] for _, chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    usage = next(chunk["usage"] for _, chunk in reversed(chunks) if chunk.get("usage"))
    timings = next(chunk["timings"] for _, chunk in reversed(chunks) if chunk.get("timings"))
    tokens = usage["completion_tokens"]
    seen_ns = (last_ns - first_ns) // max(1, tokens - 1)
    return Answer(
        text="".join(_text(chunk) for _, chunk in chunks),
        finish_reason=reasons[-1],
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=tokens,
        cached_tokens=timings["cached_tokens"],
        latency_ns=end - begin,
        ttft_ns=first_ns - begin,
        itl_ns=max(seen_ns, round((timings["itl_ms"] or 0) * 1e6)),
    )


def _parsed(event: bytes) -> dict[str, Any]:
    data = event.removeprefix(_PREFIX).strip()
    chunk: dict[str, Any] = {"choices": []} if data == _DONE else json.loads(data)
    return chunk


def _text(chunk: dict[str, Any]) -> str:
    return "".join(choice["text"] for choice in chunk.get("choices", ()))


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        error = json.loads(body)["error"]
        return Refusal(status, str(error["message"]), error.get("code"))
    except (ValueError, KeyError, TypeError):
        return Refusal(status, body.decode(errors="replace")[:200], None)
