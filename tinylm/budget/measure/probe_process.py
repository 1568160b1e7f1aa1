"""A measuring process: started in a clean environment, given its orders, and read, whatever becomes of it.

    result = run_child(command, orders, answer=ProbeResult, what="the probe", timeout_s=60)

A process that is killed, hangs, crashes or talks nonsense is a `ProbeFailed` that says how; one that refuses its input
says so itself and is a TinylmError. Nothing that happens to it takes this process with it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from tinylm.base.errors import TinylmError
from tinylm.base.package import ROOT
from tinylm.base.records import check_schema, read
from tinylm.runtime.measurement.protocol import Refused

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Answer = TypeVar("Answer")

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


class ProbeFailed(Exception):
    """A measuring process ended without a measurement; the message says how."""

    def __init__(self, message: str, *, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal
        """The number of the signal that ended it; None when it ended by itself or could not be started."""


def run_child(
    command: Sequence[str],
    orders: DataclassInstance,
    *,
    answer: type[Answer],
    major: int,
    what: str,
    timeout_s: float,
) -> Answer:
    """Run `command` to its end with the orders on its standard input; read its standard output as an `answer`.

    `major` is the version of what both say to each other, `what` names the process in messages. TinylmError when it
    refuses its input, ProbeFailed for any other end but success.
    """
    try:
        done = subprocess.run(
            command,
            input=json.dumps(dataclasses.asdict(orders)).encode(),
            capture_output=True,
            timeout=timeout_s,  # kills it
            env=clean_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProbeFailed(f"{what} gave no result within {timeout_s:.0f} s and was stopped") from error
    except OSError as error:
        raise ProbeFailed(f"{what} could not be started: {error.strerror}") from error
    if done.returncode < 0:
        number = -done.returncode
        raise ProbeFailed(f"{what} was killed by {_signal(number)}", signal=number)
    document = _document(done.stdout)
    if done.returncode != 0:
        if isinstance(document, dict) and "refused" in document:
            refused = read(Refused, document["refused"], f"the refusal of {what}")
            raise TinylmError(refused.message, refused.hint, exit_code=refused.exit_code)
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise ProbeFailed(f"{what} ended with code {done.returncode}: {last[0][:200]}")
    try:
        check_schema(document, major=major, where="its result")
        return read(answer, document, "its result")
    except TinylmError as error:
        raise ProbeFailed(f"{what} gave an unusable result: {error.message}") from error


def clean_environment() -> dict[str, str]:
    """What a measuring process sees of this one's environment."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _document(output: bytes) -> object:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return None


def _signal(number: int) -> str:
    """The signal's name, and what it most likely means."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    reasons = {
        "SIGILL": "this processor lacks an instruction that a library uses (onnxruntime or numpy)",
        "SIGKILL": "most likely the system ran out of memory",
    }
    return name + (f": {reasons[name]}" if name in reasons else "")
