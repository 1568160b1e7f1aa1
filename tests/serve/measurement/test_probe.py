"""The probe of the serving process as a real process, with a real server."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from probe_orders import ORDERS
from sample_bundles import with_golden

from tinylm.base.errors import TinylmError
from tinylm.budget.measure.probes import ProbeFailed, clean_environment, run_latency_probe
from tinylm.bundle.reading import Bundle
from tinylm.runtime.measurement.protocol import ProbeResult
from tinylm.tokenizer.tokenizer import Tokenizer

MODULE = (sys.executable, "-P", "-m", "tinylm.serve.measurement.probe")
SAYS_NO = ("sh", "-c", "printf 'error: not today\\n\\nhint: tomorrow\\n' >&2; exit 2")
FAILS = ("sh", "-c", "echo 'no such library' >&2; exit 1")
DIES = ("sh", "-c", "kill -SEGV $$")


def probe(bundle: Bundle, *under: str, **changes: object) -> ProbeResult:
    orders = dataclasses.replace(ORDERS, **changes)  # type: ignore[arg-type]
    return run_latency_probe([*MODULE, str(bundle.path), *under], orders, timeout_s=100, name="the serving process")


@pytest.fixture(scope="module")
def measured(tiny_bundle: Bundle) -> ProbeResult:
    return probe(tiny_bundle, verify=True)


def test_every_request_is_timed(measured: ProbeResult) -> None:
    assert len(measured.latency_ms) == len(measured.work_ms) - 1 == 5
    for latency, ttft, itl in zip(measured.latency_ms, measured.ttft_ms, measured.itl_ms, strict=True):
        assert 0 < ttft <= latency
        assert 0 < itl < latency
    for place in range(4):  # one after the other, with the fixed work between
        assert measured.at_ms[place + 1] >= measured.at_ms[place] + measured.latency_ms[place]
    assert measured.requests_cpu_ms > 0
    assert measured.engine.startswith("native")
    assert measured.serving is not None
    assert measured.serving.parallel == 4
    if measured.waited_ms:
        assert all(0 <= wait <= whole for wait, whole in zip(measured.waited_ms, measured.latency_ms, strict=True))


def test_memory_is_that_of_the_server(measured: ProbeResult) -> None:
    """Which holds an HTTP library, and so more than the runtime alone (20 MB), and less than 60 MB."""
    memory = measured.memory
    assert memory is not None
    assert memory.rss_bytes is not None
    assert 25e6 < memory.rss_bytes <= memory.peak_rss_bytes < 60e6


def test_a_start_ends_with_the_first_text(measured: ProbeResult) -> None:
    ready, first = (stage.until_ms for stage in measured.stages)
    assert ready is not None
    assert first is not None
    assert measured.cold_start_ms is not None
    assert 0 < ready < measured.cold_start_ms <= first


def test_golden_tokens_hold_over_http(measured: ProbeResult) -> None:
    assert measured.verification is not None
    assert (measured.verification.tokens, measured.verification.mismatches) == (24, ())
    assert measured.verification.held_out


def test_another_model_than_was_exported_is_seen_in_what_is_served(tiny_bundle: Bundle, tmp_path: Path) -> None:
    words = Tokenizer(tiny_bundle.tokenizer).encode("out the casa")

    def edit(golden: dict[str, list[dict[str, list[int]]]]) -> None:
        ids = golden["prompts"][0]["ids"]
        ids[-1] = next(token for token in words if token not in ids)

    verified = probe(with_golden(tiny_bundle, tmp_path, edit), verify=True, requests=1, warmup=1).verification
    assert verified is not None
    inside, served = verified.mismatches
    assert inside.startswith("after the prompt `Sañolu mité.`, position 7")
    assert served.startswith("the server after the prompt `Sañolu mité.`: ")


def test_the_end_of_a_server_is_the_probe_s(tiny_bundle: Bundle) -> None:
    with pytest.raises(TinylmError, match="not today") as refused:
        probe(tiny_bundle, *SAYS_NO)
    assert refused.value.hint == "tomorrow"
    with pytest.raises(ProbeFailed, match="the server ended with code 1: no such library"):
        probe(tiny_bundle, *FAILS)
    with pytest.raises(ProbeFailed, match="the serving process was killed by SIGSEGV"):
        probe(tiny_bundle, *DIES)


def test_a_request_that_does_not_fit_is_refused_before_anything_is_served(tiny_bundle: Bundle) -> None:
    with pytest.raises(TinylmError, match="does not fit the bundle's context of 64"):
        probe(tiny_bundle, *FAILS, new_tokens=60)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc to find a server in")
def test_a_server_that_is_killed_while_it_is_measured(tiny_bundle: Bundle) -> None:
    with started(tiny_bundle) as running:
        os.kill(server_of(running), signal.SIGKILL)
        assert running.wait(30) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends a child with its parent on Linux alone")
def test_a_probe_that_is_killed_takes_its_server_along(tiny_bundle: Bundle) -> None:
    with started(tiny_bundle) as running:
        server = server_of(running)
        running.kill()
        wait_until(lambda: not Path(f"/proc/{server}").exists())


@contextlib.contextmanager
def started(bundle: Bundle) -> Iterator[subprocess.Popen[bytes]]:
    """A probe with more requests than anybody waits for."""
    orders = dataclasses.asdict(dataclasses.replace(ORDERS, requests=1_000_000))
    command = [*MODULE, str(bundle.path)]
    pipe = subprocess.PIPE
    running = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=clean_environment())
    assert running.stdin is not None
    running.stdin.write(json.dumps(orders).encode())
    running.stdin.close()
    running.stdin = None
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def server_of(running: subprocess.Popen[bytes]) -> int:
    """The number of the probe's server, once it has threads: it computes."""

    def found() -> list[str]:
        return Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()

    wait_until(lambda: bool(found()) and len(list(Path(f"/proc/{found()[0]}/task").iterdir())) > 1)
    return int(found()[0])


def wait_until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.02)
