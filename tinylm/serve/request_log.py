"""One JSON line on stderr for each request: who, what, how long; what was asked only when that is wished."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Record:
    """What is known about a request, filled on its way."""

    id: str
    client: str
    method: str
    path: str
    started: float = field(default_factory=time.perf_counter)
    details: dict[str, Any] = field(default_factory=dict)
    """Of an answer: model, tokens, how it ended, times; of a mistake: its code."""
    texts: tuple[str, ...] = ()
    """What was asked."""


def write(record: Record, *, status: int, with_text: bool) -> None:
    """The line; a status of 499 is a client that left before it had an answer, as nginx writes it."""
    line: dict[str, Any] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "id": record.id,
        "client": record.client,
        "method": record.method,
        "path": record.path[:200],
        "status": status,
        "ms": round((time.perf_counter() - record.started) * 1e3, 1),
        **record.details,
    }
    if with_text and record.texts:
        line["text"] = record.texts
    with suppress(OSError):  # whoever read the log has gone; the server lives
        print(json.dumps(line), file=sys.stderr, flush=True)
