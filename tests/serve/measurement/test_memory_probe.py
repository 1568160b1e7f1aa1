"""The memory probe of the serving process as a real process."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
from probe_orders import ORDERS

from tinylm.base.records import read
from tinylm.budget.measure.memory_ledger import make_ledger
from tinylm.budget.measure.probes import clean_environment
from tinylm.bundle.reading import Bundle
from tinylm.runtime.measurement.protocol import MemoryResult

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the ledger needs /proc")


@pytest.fixture(scope="module")
def built_up(tiny_bundle: Bundle) -> MemoryResult:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tinylm.serve.measurement.memory_probe", str(tiny_bundle.path)],
        input=json.dumps(dataclasses.asdict(dataclasses.replace(ORDERS, requests=40))).encode(),
        capture_output=True,
        env=clean_environment(),
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return read(MemoryResult, json.loads(done.stdout), "the result")


def test_the_parts_are_those_of_a_server(built_up: MemoryResult) -> None:
    assert [step.name for step in built_up.steps] == [
        "interpreter",
        "tinylm and the standard library",
        "HTTP server",
        "content filter",
        "tokenizer",
        "native engine",
        "graph and weights",
        "key/value caches",
        "working memory of a request",
    ]
    assert [reading.requests for reading in built_up.growth] == list(range(2, 41, 2))


def test_they_add_up_to_what_the_kernel_says(built_up: MemoryResult) -> None:
    ledger = make_ledger(built_up)
    assert ledger is not None
    assert ledger.total_mb == pytest.approx(ledger.resident_mb, rel=0.02)
    own = {entry.part: entry.own_mb for entry in ledger.entries}
    assert own["HTTP server"] > 1
    assert any("libtinylm" in path for path in built_up.files_bytes)


def test_the_caches_of_all_texts_are_filled(built_up: MemoryResult, tiny_bundle: Bundle) -> None:
    """Four of them, as many as are written at a time, with keys and values in fp32 to the last position."""
    memory = {step.name: step.anonymous_bytes for step in built_up.steps}
    model = tiny_bundle.manifest.model
    one = 2 * model.n_layer * model.n_kv_head * model.head_dim * model.context_length * 4
    assert memory["key/value caches"] - memory["graph and weights"] >= 4 * one * 0.9
