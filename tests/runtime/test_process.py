"""What a process asks of its C libraries: no telemetry, and large freed blocks back while a model is loaded."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tinylm.runtime import process

ROOT = Path(__file__).resolve().parents[2]


def test_telemetry_is_off_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.os, "environ", variables := {})
    process.disable_telemetry()
    assert variables == {"ORT_DISABLE_TELEMETRY": "1"}
    variables["ORT_DISABLE_TELEMETRY"] = "0"
    process.disable_telemetry()
    assert variables == {"ORT_DISABLE_TELEMETRY": "0"}


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.ctypes, "CDLL", lambda name: object())
    with process.giving_back_memory():
        pass


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_blocks_go_back_while_a_model_is_loaded() -> None:
    """Freed blocks between blocks in use: resident in glibc's heap as a rule, gone inside the context."""
    program = """
import ctypes
from tinylm.runtime.process import giving_back_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
def kept_bytes():
    before = resident()
    blocks = [libc.malloc(100_000) for _ in range(100)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    for block in blocks[::2]:
        libc.free(block)
    return resident() - before
with giving_back_memory():
    inside = kept_bytes()
print(inside < 7_000_000 < 9_000_000 < kept_bytes())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
