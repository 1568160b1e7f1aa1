"""Trying imports where they can do no harm: each in a child process, because some of them kill theirs.

`import onnxruntime` raised SIGILL on boards without an instruction that its wheel used, and went well in emulation.
The child says how long the import took and by how much it grew; how the child ended is what the parent reports.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

from tinylm.machine.facts import ImportTrial

TIMEOUT_S = 120
"""A first import from a slow SD card takes tens of seconds."""

# Resident memory is read the same way on both sides of the import; where there is no /proc, it is not known.
_CHILD = """
import importlib, json, sys, time
def resident():
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return None
before, start = resident(), time.perf_counter()
importlib.import_module(sys.argv[1])
ms, after = (time.perf_counter() - start) * 1e3, resident()
print("\\n" + json.dumps([ms, None if before is None or after is None else (after - before) / 1e6]))
"""


def try_import(module: str, *, version: str | None, wanted: str, timeout_s: float = TIMEOUT_S) -> ImportTrial:
    """Import `module` in a fresh interpreter and say what became of it; never raises."""
    trial = not_tried(module, version, wanted)
    environment = {"ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}
    try:
        done = subprocess.run(
            # Not from the current folder, where a file may have a library's name.
            [sys.executable, "-P", "-c", _CHILD, module],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return replace(trial, outcome="timeout", detail=f"no end within {timeout_s:g} s")
    except OSError as error:
        return replace(trial, outcome="error", detail=f"no process could be started: {error.strerror}")
    if done.returncode < 0:
        return replace(trial, outcome="killed", detail=_signal_name(-done.returncode))
    if done.returncode:
        detail = _last_line(done.stderr)
        missing = detail.startswith(f"ModuleNotFoundError: No module named '{module}'")
        return replace(trial, outcome="missing" if missing else "error", detail=detail)
    try:
        ms, rss_mb = json.loads(done.stdout.decode(errors="replace").strip().splitlines()[-1])
        grown_mb = None if rss_mb is None else round(float(rss_mb), 1)
        return replace(trial, outcome="ok", ms=round(float(ms), 1), rss_mb=grown_mb)
    except (ValueError, TypeError, IndexError):
        detail = "the import went well, but its process said something else than its measurements"
        return replace(trial, outcome="error", detail=detail)


def not_tried(module: str, version: str | None, wanted: str) -> ImportTrial:
    """A trial that was left out."""
    return ImportTrial(
        module=module, version=version, wanted=wanted, outcome="not_tried", detail="", ms=None, rss_mb=None
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "it said nothing"
