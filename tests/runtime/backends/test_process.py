"""What a process asks of its C libraries: no telemetry, and large freed blocks back while a model is loaded."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tinylm.runtime.backends import process

ROOT = Path(__file__).resolve().parents[3]


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
from tinylm.runtime.backends.process import giving_back_memory
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


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_code_that_ran_once_leaves_memory_and_comes_back_when_it_runs_again() -> None:
    program = """
import sqlite3, _sqlite3
from tinylm.runtime.backends.process import forget_code
def resident_kb():
    lines = iter(open("/proc/self/smaps").read().splitlines())
    found = 0
    for line in lines:
        if line.endswith(library) and " r-xp " in line:
            found += next(int(l.split()[1]) for l in lines if l.startswith("Rss:"))
    return found
names = {line.split(maxsplit=5)[5] for line in open("/proc/self/maps") if "libsqlite3" in line or "_sqlite3" in line}
library = sorted(names, key=lambda name: "libsqlite3" not in name)[0].strip()
answer = lambda: sqlite3.connect(":memory:").execute("select max(a) from (select 1 a union select 7)").fetchone()
first, before = answer(), resident_kb()
forget_code()
after = resident_kb()
print(before > 100, after == 0, answer() == first == (7,), resident_kb() > 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True True True True\n"


def test_a_system_without_madvise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.ctypes, "CDLL", lambda name, use_errno: object())
    process.forget_code()
