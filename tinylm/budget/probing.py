"""Starting probe processes and collecting what they measured, whatever becomes of them.

A probe that is killed, hangs, crashes or talks nonsense is a reason for `not_measured`; it never counts as a pass, and
never takes this process with it. A bundle that cannot be used (the probe says so itself) is a TinylmError.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tinylm
from tinylm.budget.prompts import PROMPTS
from tinylm.budget.spec import Budget
from tinylm.errors import TinylmError
from tinylm.records import check_schema, read
from tinylm.runtime.contract import Backend
from tinylm.runtime.probe_contract import SCHEMA, ProbeOrders, ProbeResult, Refused

# What a process needs to find its libraries and write its temporary files; everything else (PYTHON*, OMP_*, MALLOC_*,
# LD_PRELOAD, ...) would make two people measure two different programs.
_KEPT_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
)

_START_S = 120
"""Python and its libraries take 4 s to import on an emulated Zero 2 W, and a cold SD card may be ten times slower."""
_TIMES_THE_LIMIT = 20
"""A request that is this many times slower than the budget allows is not worth waiting for."""
_VERIFY_S = 600


class ProbeFailed(Exception):
    """A probe ended without a measurement; the message says how."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What the probes of one or more rounds measured; `problem` says why a measurement is missing, and voids all."""

    processes: tuple[ProbeResult, ...] = ()
    problem: str | None = None

    @property
    def requests(self) -> int:
        return sum(len(process.latency_ms) for process in self.processes)


def probe_command(bundle: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "tinylm.runtime.probe", str(bundle.resolve())]


def probe_more(
    so_far: Probed,
    *,
    until: int,
    budget: Budget,
    command: Sequence[str],
    announce: Callable[[str], None],
    backend: Backend = "auto",
    golden: bool = True,
    decoder: dict[str, Any] | None = None,
) -> Probed:
    """Do requests in fresh processes until there are `until`; the very first process also compares `golden` tokens.

    With `decoder` (`tinylm.decoder.DecoderOrders`), what the command names is such a decoder's folder.
    """
    processes = list(so_far.processes)
    wanted, count = until - so_far.requests, budget.confidence.processes
    for index in range(count):
        requests = wanted // count + (index < wanted % count)
        if requests == 0:
            continue
        verify = golden and not processes
        first = sum(len(process.latency_ms) for process in processes)
        announce(f"process {index + 1} of {count}: {requests} requests" + (", then golden tokens" if verify else ""))
        orders = ProbeOrders(
            schema=SCHEMA,
            prompts=PROMPTS,
            first_request=first,
            prompt_tokens=budget.request.prompt_tokens,
            new_tokens=budget.request.new_tokens,
            threads=budget.request.threads,
            warmup=budget.confidence.warmup,
            requests=requests,
            backend=backend,
            verify=verify,
            decoder=decoder,
        )
        allowed_s = (requests + budget.confidence.warmup) * budget.limits.latency_p95_ms / 1e3 * _TIMES_THE_LIMIT
        try:
            processes.append(
                run_probe_process(command, orders, timeout_s=_START_S + allowed_s + (_VERIFY_S if verify else 0))
            )
        except ProbeFailed as failure:
            return Probed(processes=tuple(processes), problem=str(failure))
    return Probed(processes=tuple(processes))


def run_probe_process(command: Sequence[str], orders: ProbeOrders, *, timeout_s: float) -> ProbeResult:
    """Run one probe to its end: TinylmError when it refuses its input, ProbeFailed for any other end but success."""
    try:
        done = subprocess.run(
            command,
            input=json.dumps(dataclasses.asdict(orders)).encode(),
            capture_output=True,
            timeout=timeout_s,  # kills the probe
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProbeFailed(f"the probe gave no result within {timeout_s:.0f} s and was stopped") from error
    except OSError as error:
        raise ProbeFailed(f"the probe could not be started: {error.strerror}") from error
    if done.returncode < 0:
        raise ProbeFailed(_killed_by(-done.returncode))
    document = _document(done.stdout)
    if done.returncode != 0:
        if isinstance(document, dict) and "refused" in document:
            refused = read(Refused, document["refused"], "the probe's refusal")
            raise TinylmError(refused.message, refused.hint, exit_code=refused.exit_code)
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise ProbeFailed(f"the probe ended with code {done.returncode}: {last[0][:200]}")
    try:
        check_schema(document, major=1, where="the probe's result")
        result = read(ProbeResult, document, "the probe's result")
    except TinylmError as error:
        raise ProbeFailed(f"the probe's result is unusable: {error.message}") from error
    lengths = {len(result.latency_ms), len(result.ttft_ms), len(result.itl_ms)}
    if lengths != {orders.requests}:
        raise ProbeFailed(f"the probe timed {sorted(lengths)} requests; {orders.requests} were ordered")
    return result


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    # This very tinylm, from whatever folder, installed or not.
    return {**kept, "PYTHONPATH": str(Path(tinylm.__file__).resolve().parent.parent)}


def _document(output: bytes) -> object:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return None


def _killed_by(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    reasons = {
        "SIGILL": "this processor lacks an instruction that a library uses (onnxruntime or numpy)",
        "SIGKILL": "most likely the system ran out of memory",
    }
    return f"the probe was killed by {name}" + (f": {reasons[name]}" if name in reasons else "")
