"""Probe results to judge, without a probe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from tinylm.runtime.probe_contract import HeldOutBits, Memory, ProbeResult, Stage, Verification

QUIET = ProbeResult(
    schema="1.0",
    latency_ms=(100.0,) * 31,
    ttft_ms=(10.0,) * 31,
    itl_ms=(4.0,) * 31,
    cold_start_ms=900.0,
    stages=(
        Stage(name="start", until_ms=500.0, rss_bytes=50_000_000),
        Stage(name="first request", until_ms=900.0, rss_bytes=70_000_000),
    ),
    memory=Memory(
        peak_rss_bytes=80_000_000,
        rss_bytes=75_000_000,
        anonymous_bytes=40_000_000,
        file_bytes=35_000_000,
        swap_bytes=0,
        pss_bytes=None,
    ),
    work_before_ms=10.0,
    work_after_ms=10.5,
    requests_wall_ms=3100.0,
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

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]


@pytest.fixture
def make_processes() -> MakeProcesses:
    """Four undisturbed processes with 31 requests each, the first one verified; keywords change all of them."""

    def make(**changes: object) -> tuple[ProbeResult, ...]:
        one = dataclasses.replace(QUIET, **changes)  # type: ignore[arg-type]
        first = dataclasses.replace(one, verification=changes.get("verification", VERIFIED))  # type: ignore[arg-type]
        return (first, one, one, one)

    return make
