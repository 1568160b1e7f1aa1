"""The ledger of memory: its parts, its sum, and growth that is told from warming up."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.budget.measure.memory_ledger import growth_mb, make_ledger, part_of
from tinylm.runtime.measurement.protocol import MemoryGrowth, MemoryResult


def grown(*mb: float) -> tuple[MemoryGrowth, ...]:
    return tuple(
        MemoryGrowth(requests=50 * number, anonymous_bytes=round(value * 1e6)) for number, value in enumerate(mb, 1)
    )


def test_parts_and_sum(built_up: MemoryResult) -> None:
    ledger = make_ledger(built_up)
    assert ledger is not None
    assert {entry.part: (entry.own_mb, entry.files_mb) for entry in ledger.entries} == {
        "interpreter": (5, 6),
        "tokenizer": (4, 1),
        "onnxruntime": (7, 12),
        "graph and weights": (10, 0),
        "working memory of a request": (1, 0),
        "1000 requests": (1, 0),
        "shared memory": (0, 0.004),
    }
    assert ledger.total_mb == pytest.approx(47.004)
    assert (ledger.resident_mb, ledger.peak_mb, ledger.requests, ledger.growth_mb) == (47.1, 52, 1000, 0)


def test_without_proc_there_is_no_ledger(built_up: MemoryResult) -> None:
    assert make_ledger(dataclasses.replace(built_up, memory=None)) is None
    assert make_ledger(dataclasses.replace(built_up, steps=())) is None
    assert built_up.memory is not None
    only_peak = dataclasses.replace(built_up.memory, rss_bytes=None)  # as macOS tells it
    assert make_ledger(dataclasses.replace(built_up, memory=only_peak)) is None


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/usr/lib/aarch64-linux-gnu/libc.so.6", "interpreter"),
        ("/venv/lib/python3.11/site-packages/numpy.libs/libscipy_openblas64_.so", "numpy"),
        ("/venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.32.0", "onnxruntime"),
        ("/venv/lib/python3.11/site-packages/sentencepiece/_sentencepiece.so", "tokenizer"),
        ("/home/pi/bundle/model.onnx", "graph and weights"),
        ("shared memory", "shared memory"),
    ],
)
def test_files_belong_to_parts(path: str, part: str) -> None:
    assert part_of(path) == part


def test_a_leak_is_its_slope() -> None:
    assert growth_mb(grown(*(30 + 0.1 * number for number in range(20)))) == pytest.approx(2.0)


def test_warming_up_is_no_leak() -> None:
    """It grows while allocators and caches fill, and then no more."""
    assert growth_mb(grown(*(30, 31, 31.5, 31.8, 32, 32.1, 32.1, 32.1, 32.1, 32.1, 32.1, 32.1))) == 0


def test_one_late_jump_is_no_leak() -> None:
    assert growth_mb(grown(*([30.0] * 15), *([31.0] * 2), *([31.0] * 3))) == 0


def test_too_few_readings_say_nothing() -> None:
    assert growth_mb(grown(30, 31, 32)) is None
    few = tuple(MemoryGrowth(requests=n, anonymous_bytes=30_000_000 + 4096 * n) for n in range(1, 100))
    assert growth_mb(few) is None


@given(st.lists(st.floats(20, 60), min_size=4, max_size=40))
def test_memory_that_never_grows_never_leaks(values: list[float]) -> None:
    assert (growth_mb(grown(*sorted(values, reverse=True))) or 0) <= 0


def test_files_of_an_http_library_are_the_server_s() -> None:
    assert part_of("/site-packages/uvloop/loop.cpython-311-x86_64-linux-gnu.so") == "HTTP server"
    assert part_of("/site-packages/markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so") == "chat template"
