"""Probe results to judge, without a probe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from tinylm.runtime.measurement.protocol import (
    HeldOutBits,
    MemoryGrowth,
    MemoryResult,
    MemoryStep,
    ProbeResult,
    ProcessMemory,
    Stage,
    Verification,
)

MEMORY = ProcessMemory(
    peak_rss_bytes=80_000_000,
    rss_bytes=75_000_000,
    anonymous_bytes=40_000_000,
    file_bytes=35_000_000,
    swap_bytes=0,
    pss_bytes=None,
)
QUIET = ProbeResult(
    schema="2.0",
    first_request=0,
    at_ms=tuple(101.0 * number for number in range(31)),
    latency_ms=(100.0,) * 31,
    ttft_ms=(10.0,) * 31,
    itl_ms=(4.0,) * 31,
    work_ms=(1.0,) * 32,
    cold_start_ms=900.0,
    storage_read_bytes=40_000_000,
    stages=(
        Stage(name="start", until_ms=500.0),
        Stage(name="first request", until_ms=900.0),
    ),
    memory=MEMORY,
    requests_cpu_ms=3090.0,
    involuntary_switches=3,
    major_faults=0,
    verification=None,
)
VERIFIED = Verification(
    prompts=2,
    tokens=24,
    encodings=3,
    mismatches=(),
    held_out=(
        HeldOutBits(language="en", text_bytes=1000, bits=1510.0, bits_fp32=1500.0),
        HeldOutBits(language="es", text_bytes=1000, bits=1605.0, bits_fp32=1600.0),
    ),
)
BUILT_UP = MemoryResult(
    schema="2.0",
    steps=(
        MemoryStep(name="interpreter", anonymous_bytes=5_000_000),
        MemoryStep(name="tokenizer", anonymous_bytes=9_000_000),
        MemoryStep(name="onnxruntime", anonymous_bytes=16_000_000),
        MemoryStep(name="graph and weights", anonymous_bytes=26_000_000),
        MemoryStep(name="working memory of a request", anonymous_bytes=27_000_000),
    ),
    growth=tuple(MemoryGrowth(requests=50 * n, anonymous_bytes=28_000_000) for n in range(1, 21)),
    files_bytes={
        "/usr/bin/python3.11": 6_000_000,
        "/site-packages/onnxruntime/capi/libonnxruntime.so.1.32.0": 12_000_000,
        "/site-packages/sentencepiece/_sentencepiece.so": 1_000_000,
        "shared memory": 4096,
    },
    memory=dataclasses.replace(MEMORY, peak_rss_bytes=52_000_000, rss_bytes=47_100_000),
)

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]


@pytest.fixture
def make_processes() -> MakeProcesses:
    """Four undisturbed processes with 31 requests each, the first one verified; keywords change all of them."""

    def make(**changes: object) -> tuple[ProbeResult, ...]:
        one = dataclasses.replace(QUIET, **changes)  # type: ignore[arg-type]
        first = dataclasses.replace(one, verification=changes.get("verification", VERIFIED))  # type: ignore[arg-type]
        return (first, *(dataclasses.replace(one, first_request=31 * place) for place in (1, 2, 3)))

    return make


@pytest.fixture
def built_up() -> MemoryResult:
    """What a memory probe saw: 28 MB of its own and 19 MB of files, nothing growing."""
    return BUILT_UP


@pytest.fixture
def changed_memory() -> Callable[..., ProcessMemory]:
    """What a quiet probe says of its memory, some of it changed."""
    return lambda **changes: dataclasses.replace(MEMORY, **changes)
