"""Freed memory stays with the process in the steps, and is given back between them."""

from __future__ import annotations

import subprocess
import sys

import pytest

MEASURE = """
import sys
from tinylm.training.allocator import apart_from_steps, keep_freed_memory

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def step():  # many blocks of a size that glibc would map, and a small one above them that holds the heap's end
    blocks = [bytearray(b"x" * 1_000_000) for _ in range(100)]
    return bytearray(100), blocks

assert keep_freed_memory()
before = resident_mb()
end, blocks = step()
del blocks
kept = resident_mb() - before
with apart_from_steps():
    given_back = resident_mb() - before
print(kept, given_back)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc, as Linux has it")
def test_kept_in_the_steps_and_given_back_between_them() -> None:
    """In a process of its own: the setting holds for all of it. 4 KB pages, as on any machine that trains."""
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    kept, given_back = map(float, done.stdout.split())
    assert kept > 80
    assert given_back < 20
