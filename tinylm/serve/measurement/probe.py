"""The latency probe of the serving process: the certified requests over HTTP, and what the server took for them.

    python -m tinylm.serve.measurement.probe BUNDLE [COMMAND ...] < orders.json > result.json

It starts the process that `tinylm serve BUNDLE` becomes, by COMMAND where there is one, such as one that limits memory.
Orders and result are those of `tinylm.runtime.measurement.probe`. A request is the same, from text to text, and
timed by the client; memory, processor time and faults are the server's alone, as the kernel tells them.

At the end the server's greedy texts are compared with the bundle's golden tokens, and then, in this process, all else
that came with the bundle, as the runtime's probe does.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.runtime.measurement.candidate import BundleCandidate, open_candidate
from tinylm.runtime.measurement.probe import check_fits, fixed_work_ns, in_ms
from tinylm.runtime.measurement.protocol import (
    MAJOR,
    SCHEMA,
    ProbeOrders,
    ProbeResult,
    Serving,
    Stage,
    Verification,
    answer,
)
from tinylm.serve.measurement.client import Answer, Client, Refusal
from tinylm.serve.measurement.golden import served_differences
from tinylm.serve.measurement.requests import WARMING, ServedRequests
from tinylm.serve.measurement.server_process import ServerProcess, free_port, started
from tinylm.serve.settings import ServeSettings, words

_BETWEEN_LOOKS_S = 0.01
"""Whether the server is ready: as exact as the kernel knows when it was started."""


def run_probe(path: Path, orders: ProbeOrders, *, under: Sequence[str] = ()) -> ProbeResult:
    """Serve the bundle at `path`, started by the command `under` where there is one, do the requests and measure.

    TinylmError when the bundle or the orders are unusable.
    """
    candidate = open_served(path, orders)
    port = free_port()
    client = Client(port)
    command = [sys.executable, "-P", "-m", "tinylm.serve", str(path), *options_of(orders, port)]
    with started([*under, *command]) as server:
        try:
            result = _measure(server, client, candidate, orders)
            differences = served_differences(client, candidate) if orders.verify else []
        except (OSError, HTTPException, LookupError, StopIteration, ValueError, Refusal) as error:
            server.end_like_it(error)
    return replace(result, verification=_verify(candidate, orders, differences)) if orders.verify else result


def open_served(path: Path, orders: ProbeOrders) -> BundleCandidate:
    """The bundle that is served, as its requests need it; TinylmError when it cannot take them."""
    candidate = open_candidate(path, orders)
    if not isinstance(candidate, BundleCandidate):
        raise TinylmError(f"`{path}` is a {candidate.kind}, and a server serves bundles", "leave `--serve` out")
    check_fits(candidate, orders)
    return candidate


def options_of(orders: ProbeOrders, port: int) -> list[str]:
    """What is not as `tinylm serve BUNDLE` has it by default: the orders' threads and backend, and the port."""
    return words(ServeSettings(port=port, threads=str(orders.threads), backend=orders.backend))


def wait_until_ready(client: Client, server: ServerProcess) -> None:
    """Return when the server is ready; OSError or HTTPException when it ends before."""
    while True:
        try:
            client.get("/readyz")
            return
        except Refusal:
            pass
        except (OSError, HTTPException):
            client.close()
            if server.ended():
                raise
        time.sleep(_BETWEEN_LOOKS_S)


@dataclass(frozen=True)
class _Done:
    """A request, and what the server took for it."""

    answer: Answer
    begin_ns: int
    cpu_ns: int
    waited_ns: int | None


class _Measured:
    """Requests with what the server took for each."""

    def __init__(self, server: ServerProcess, requests: ServedRequests) -> None:
        self._server, self._requests = server, requests
        self._begin_ns = self._cpu_ns = 0

    def do(self, number: int) -> _Done:
        before = self._server.usage().waited_ns
        came = self._requests.do(number, at_start=self._at_start)
        cpu_ns, after = self._server.cpu_ns() - self._cpu_ns, self._server.usage().waited_ns
        waited = None
        if before is not None and after is not None:  # what lies before the request begins or after it ended is no part
            waited = max(0, min(after - before, came.latency_ns - cpu_ns))
        return _Done(came, self._begin_ns, cpu_ns, waited)

    def _at_start(self) -> None:
        self._cpu_ns, self._begin_ns = self._server.cpu_ns(), time.perf_counter_ns()


def _measure(server: ServerProcess, client: Client, candidate: BundleCandidate, orders: ProbeOrders) -> ProbeResult:
    requests = ServedRequests(client, candidate, orders)
    wait_until_ready(client, server)
    stages = [Stage(name="start the server until it is ready", until_ms=server.since_start_ms())]
    first_ms: list[float] = []
    requests.do(WARMING, at_first=lambda: first_ms.append(server.since_start_ms()))
    storage_read_bytes = server.storage_read_bytes()
    stages.append(Stage(name="first request", until_ms=server.since_start_ms()))
    for number in range(1, orders.warmup):
        requests.do(WARMING + number)

    measured, begin, work_ns, done = _Measured(server, requests), server.usage(), [fixed_work_ns()], []
    for number in range(orders.first_request, orders.first_request + orders.requests):
        done.append(measured.do(number))
        work_ns.append(fixed_work_ns())
    end, memory = server.usage(), server.memory()
    waits = [each.waited_ns for each in done if each.waited_ns is not None]
    told, model = client.get("/status"), client.get("/v1/models")["data"][0]["tinylm"]
    return ProbeResult(
        schema=SCHEMA,
        engine=model["engine"],
        first_request=orders.first_request,
        at_ms=tuple(in_ms(each.begin_ns - done[0].begin_ns) for each in done),
        latency_ms=tuple(in_ms(each.answer.latency_ns) for each in done),
        ttft_ms=tuple(in_ms(each.answer.ttft_ns) for each in done),
        itl_ms=tuple(in_ms(each.answer.itl_ns) for each in done),
        work_ms=tuple(map(in_ms, work_ns)),
        cold_start_ms=first_ms[-1],
        storage_read_bytes=storage_read_bytes,
        stages=tuple(stages),
        memory=memory,
        requests_cpu_ms=in_ms(sum(each.cpu_ns for each in done)),
        involuntary_switches=end.involuntary_switches - begin.involuntary_switches,
        major_faults=end.major_faults - begin.major_faults,
        verification=None,
        waited_ms=tuple(map(in_ms, waits)) if orders.threads == 1 and len(waits) == len(done) else (),
        serving=Serving(
            parallel=told["parallel"],
            filter_name=None if model["filter"] is None else model["filter"]["name"],
            filter_sha256=None if model["filter"] is None else model["filter"]["sha256"],
        ),
    )


def _verify(candidate: BundleCandidate, orders: ProbeOrders, differences: Sequence[str]) -> Verification:
    """The bundle's evidence in this process, and what the server did otherwise."""
    with candidate.open_engine(threads=orders.threads, backend=orders.backend) as engine:
        verification = candidate.verify(engine)
    return replace(verification, mismatches=(*verification.mismatches, *differences))


if __name__ == "__main__":
    sys.exit(answer(functools.partial(run_probe, under=sys.argv[2:]), orders=ProbeOrders, major=MAJOR))
