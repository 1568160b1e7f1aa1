"""What the kernel says of this process, against what is known of it."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinylm.runtime.measurement import proc_self


def test_a_block_that_is_written_is_counted_to_the_page() -> None:
    before = proc_self.anonymous_bytes()
    block = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE)
    untouched = proc_self.anonymous_bytes()
    for place in range(0, len(block), 4096):
        block[place] = 1
    after = proc_self.anonymous_bytes()
    block.close()
    assert before is not None
    assert untouched is not None
    assert after is not None
    assert abs(untouched - before) < 1 << 20
    assert after - untouched == pytest.approx(8 << 20, abs=1 << 18)  # whatever the interpreter did meanwhile


def test_resident_memory_is_the_sum_of_its_kinds() -> None:
    resident, status = proc_self.resident_bytes(), proc_self.kilobyte_fields("/proc/self/status")
    assert resident == pytest.approx(sum(status[kind] for kind in ("RssAnon", "RssFile", "RssShmem")), rel=0.05)


def test_mapped_files_are_those_of_the_kernel(tmp_path: Path) -> None:
    file = tmp_path / "a file (with brackets) and spaces"
    file.write_bytes(b"x" * (1 << 20))
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as view:
        assert sum(view[::4096]) > 0
        found = proc_self.mapped_file_bytes()
        status = proc_self.kilobyte_fields("/proc/self/status")
    assert found[str(file)] == 1 << 20
    assert sum(found.values()) == pytest.approx(status["RssFile"] + status["RssShmem"], rel=0.05)


def test_where_there_is_no_proc_nothing_is_known() -> None:
    assert proc_self.kilobyte_fields("/nowhere/status") == {}


def test_the_start_of_a_process_is_known_to_a_tick() -> None:
    module = "tinylm.runtime.measurement.proc_self"
    code = f"import time; time.sleep(0.3); from {module} import since_start_ms; print(since_start_ms())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert 300 < float(done.stdout) < 60_000


_HOG = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
print(flush=True)
while True:
    pass
"""
# Half a second of work and a pause of as long: how much of it was waiting for the core?
_SHARING = """
import os, sys, time
from tinylm.runtime.measurement.proc_self import waited_ns
os.sched_setaffinity(0, {int(sys.argv[1])})
before, end = waited_ns(), time.monotonic() + 0.5
while time.monotonic() < end:
    pass
time.sleep(0.5)
print(waited_ns() - before)
"""


@pytest.mark.skipif(proc_self.waited_ns() is None, reason="this kernel keeps no account of who waits for a core")
def test_waiting_for_a_core_is_what_others_had_it_for() -> None:
    core = str(min(os.sched_getaffinity(0)))
    with subprocess.Popen([sys.executable, "-c", _HOG, core], stdout=subprocess.PIPE) as hog:
        try:
            assert hog.stdout is not None
            hog.stdout.readline()
            done = subprocess.run([sys.executable, "-c", _SHARING, core], capture_output=True, check=True)
        finally:
            hog.kill()
    assert 0.1e9 < int(done.stdout) < 0.9e9


def test_it_imports_nothing() -> None:
    module = "tinylm.runtime.measurement.proc_self"
    code = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    assert set(done.stdout.split()) <= {
        "tinylm",
        "tinylm.runtime",
        "tinylm.runtime.measurement",
        module,
        "__future__",
    }
