"""Starts the measuring process and reads what it says; whatever becomes of it, it is an error that says how.

The environment is the probe's, so that both measure the same program.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# The probe's own ways, so that there is one list of what the environment of a measurement is.
from tinylm.budget.probing import _environment as environment
from tinylm.budget.probing import _killed_by as killed_by
from tinylm.errors import TinylmError
from tinylm.records import check_schema, read
from tinylm.runtime.probe_contract import Refused
from tinylm.runtime.profile_contract import ProfileOrders, ProfileResult

_START_S = 120
_TOKEN_S = 0.5
"""A token that takes longer on average is not worth waiting for: the smallest board takes a twentieth."""


def child_command(bundle: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "tinylm.runtime.profile_child", str(bundle.resolve())]


def run_child(command: Sequence[str], orders: ProfileOrders) -> ProfileResult:
    """Run the measuring process to its end.

    TinylmError as the process gives it when the bundle cannot be used (exit code 2); with exit code 1 when it was
    killed, hung, crashed or talked nonsense.
    """
    try:
        done = subprocess.run(
            command,
            input=json.dumps(dataclasses.asdict(orders)).encode(),
            capture_output=True,
            timeout=_allowed_s(orders),  # kills it
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(
            f"gave no result within {error.timeout:.0f} s and was stopped", "ask for fewer requests"
        ) from error
    except OSError as error:
        raise _failed(f"could not be started: {error.strerror}") from error
    if done.returncode < 0:
        raise _failed(killed_by(-done.returncode).removeprefix("the probe "))
    document = _document(done.stdout)
    if done.returncode != 0:
        if isinstance(document, dict) and "refused" in document:
            refused = read(Refused, document["refused"], "the measuring process's refusal")
            raise TinylmError(refused.message, refused.hint, exit_code=refused.exit_code)
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise _failed(f"ended with code {done.returncode}: {last[0][:200]}")
    try:
        check_schema(document, major=1, where="the result")
        result = read(ProfileResult, document, "the result")
    except TinylmError as error:
        raise _failed(f"gave an unusable result: {error.message}") from error
    _check_counts(result, orders)
    return result


def _check_counts(result: ProfileResult, orders: ProfileOrders) -> None:
    """Every ordered time is there: fewer would be means of something else."""
    if tuple(times.prompt_tokens for times in result.lengths) != orders.lengths:
        raise _failed("timed other prompt lengths than were ordered")
    for times in result.lengths:
        if {len(times.latency_ms), len(times.ttft_ms), len(times.itl_ms)} != {orders.rounds}:
            raise _failed(f"timed other than {orders.rounds} requests of {times.prompt_tokens} tokens")
    steps = orders.traced_requests * orders.new_tokens if orders.trace is not None else 0
    if {len(result.step_us), len(result.traced_step_us)} != {steps}:
        raise _failed(f"timed other than {steps} decode steps")


def _allowed_s(orders: ProfileOrders) -> float:
    lengths = (orders.warmup + orders.rounds) * sum(length + orders.new_tokens for length in orders.lengths)
    traced = 2 * (orders.warmup + orders.traced_requests) * (orders.traced_prompt_tokens + orders.new_tokens)
    return _START_S + _TOKEN_S * (lengths + traced)


def _document(output: bytes) -> object:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return None


def _failed(how: str, hint: str = "run `tinylm doctor` to see what this machine lacks") -> TinylmError:
    return TinylmError(f"the measuring process {how}", hint, exit_code=1)
