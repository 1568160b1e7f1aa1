"""The memory probe of the serving process: where its memory goes, step by step, and whether it grows.

    python -m tinylm.serve.measurement.memory_probe BUNDLE < orders.json > result.json

The server is a child that is built up a part at a time (`stepwise.py`), and this process reads its memory from outside:
neither reading nor asking takes any of it. Its key/value caches are filled to the last byte, as by the longest texts
for as many clients as it serves at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from tinylm.runtime.measurement.proc_self import anonymous_bytes, mapped_file_bytes
from tinylm.runtime.measurement.protocol import (
    MAJOR,
    SCHEMA,
    MemoryGrowth,
    MemoryResult,
    MemoryStep,
    ProbeOrders,
    answer,
)
from tinylm.serve.measurement.client import Client, Refusal
from tinylm.serve.measurement.probe import open_served, options_of, wait_until_ready
from tinylm.serve.measurement.requests import WARMING, ServedRequests
from tinylm.serve.measurement.server_process import ServerProcess, free_port, started

_READINGS = 20
"""Of the growth, evenly spread over the requests."""


def run_memory_probe(path: Path, orders: ProbeOrders) -> MemoryResult:
    """Build up, read, do the requests; TinylmError when the bundle or the orders are unusable."""
    candidate, port = open_served(path, orders), free_port()
    command = [sys.executable, "-P", "-m", "tinylm.serve.measurement.stepwise", str(path), *options_of(orders, port)]
    client = Client(port)
    with started(command, in_parts=True) as server:
        try:
            steps = [_reading(name, server) for name in server.parts()]
            wait_until_ready(client, server)
            requests = ServedRequests(client, candidate, orders)
            for number in range(orders.warmup):
                requests.do(WARMING + number)
            steps.append(_reading("working memory of a request", server))
            growth = tuple(_growth(requests, server, orders.requests))
            files, memory = mapped_file_bytes(server.pid), server.memory()
        except (OSError, HTTPException, LookupError, StopIteration, ValueError, Refusal) as error:
            server.end_like_it(error)
    known = tuple(step for step in steps if step is not None)
    return MemoryResult(schema=SCHEMA, steps=known, growth=growth, files_bytes=files, memory=memory)


def _reading(name: str, server: ServerProcess) -> MemoryStep | None:
    """None where the system does not tell."""
    now = anonymous_bytes(server.pid)
    return None if now is None else MemoryStep(name=name, anonymous_bytes=now)


def _growth(requests: ServedRequests, server: ServerProcess, count: int) -> Iterator[MemoryGrowth]:
    every = max(1, count // _READINGS)
    for number in range(1, count + 1):
        requests.do(number)
        if number % every == 0 and (now := anonymous_bytes(server.pid)) is not None:
            yield MemoryGrowth(requests=number, anonymous_bytes=now)


if __name__ == "__main__":
    sys.exit(answer(run_memory_probe, orders=ProbeOrders, major=MAJOR))
