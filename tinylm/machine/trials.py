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
from typing import Literal

from tinylm.base.package import child_environment
from tinylm.machine.facts import ImportTrial, NativeTrial

TIMEOUT_S = 120
"""A first import from a slow SD card takes tens of seconds."""

# Resident memory is read the same way on both sides; where there is no /proc, it is not known.
_MEASURING = """
import json, sys, time
def resident():
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return None
def done(*found):
    ms, after = (time.perf_counter() - start) * 1e3, resident()
    print("\\n" + json.dumps([ms, None if before is None or after is None else (after - before) / 1e6, *found]))
"""
_IMPORTING = f"""
import importlib
{_MEASURING}
before, start = resident(), time.perf_counter()
importlib.import_module(sys.argv[1])
done()
"""
# Named here only: what a machine is, is below the engine.
_LOADING = f"""
from tinylm.base.errors import TinylmError
{_MEASURING}
before, start = resident(), time.perf_counter()
from tinylm.native.library import instruction_sets
try:
    done(*instruction_sets())
except TinylmError as error:
    print(json.dumps([error.message, error.hint]))
"""


def try_import(module: str, *, version: str | None, wanted: str, timeout_s: float = TIMEOUT_S) -> ImportTrial:
    """Import `module` in a fresh interpreter and say what became of it; never raises."""
    trial = not_tried(module, version, wanted)
    outcome, detail = _tried(_IMPORTING, module, environment=dict(os.environ), timeout_s=timeout_s)
    if outcome != "ok":
        missing = detail.startswith(f"ModuleNotFoundError: No module named '{module}'")
        return replace(trial, outcome="missing" if missing else outcome, detail=detail)
    try:
        ms, rss_mb = json.loads(detail)
        return replace(trial, outcome="ok", ms=round(float(ms), 1), rss_mb=_grown(rss_mb))
    except (ValueError, TypeError):
        detail = "the import went well, but its process said something else than its measurements"
        return replace(trial, outcome="error", detail=detail)


def try_native(*, timeout_s: float = TIMEOUT_S) -> NativeTrial:
    """Load the native engine in a fresh interpreter and say what became of it; never raises."""
    outcome, detail = _tried(_LOADING, environment=child_environment(), timeout_s=timeout_s)
    if outcome != "ok":
        return NativeTrial(outcome=outcome, detail=detail)
    try:
        first, second, *names = json.loads(detail)
        if isinstance(first, str):
            return NativeTrial(outcome="unavailable", detail=first, hint=str(second))
        ms, sets = round(float(first), 1), tuple(map(str, names))
        return NativeTrial(outcome="ok", detail="", instruction_sets=sets, ms=ms, rss_mb=_grown(second))
    except (ValueError, TypeError):
        return NativeTrial(outcome="error", detail="it was loaded, but its process said something else")


def not_tried(module: str, version: str | None, wanted: str) -> ImportTrial:
    """A trial that was left out."""
    return ImportTrial(
        module=module, version=version, wanted=wanted, outcome="not_tried", detail="", ms=None, rss_mb=None
    )


def _tried(
    code: str, *arguments: str, environment: dict[str, str], timeout_s: float
) -> tuple[Literal["ok", "error", "killed", "timeout"], str]:
    """How a fresh interpreter ended that ran `code`: and its last line, or what went wrong."""
    try:
        done = subprocess.run(
            # Not from the current folder, where a file may have a library's name.
            [sys.executable, "-P", "-c", code, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            env={"ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1", **environment},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timeout", f"no end within {timeout_s:g} s"
    except OSError as error:
        return "error", f"no process could be started: {error.strerror}"
    if done.returncode < 0:
        return "killed", _signal_name(-done.returncode)
    if done.returncode:
        return "error", _last_line(done.stderr)
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    return "ok", lines[-1] if lines else ""


def _grown(rss_mb: float | None) -> float | None:
    return None if rss_mb is None else round(float(rss_mb), 1)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "it said nothing"
