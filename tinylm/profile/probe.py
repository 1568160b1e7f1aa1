"""Starts the profile probe (`tinylm.runtime.measurement.profile_probe`) and reads what it says.

Its environment and rules are those of the latency probe, so that both measure the same program.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.budget.measure.probes import ProbeFailed, run_probe
from tinylm.runtime.measurement.protocol import ProfileOrders, ProfileResult

_START_S = 120
_TOKEN_S = 0.5
"""A token that takes longer on average is not worth waiting for: the smallest board takes a twentieth."""


def probe_command(bundle: Path) -> list[str]:
    """The command that starts the profile probe on a bundle."""
    return [sys.executable, "-P", "-m", "tinylm.runtime.measurement.profile_probe", str(bundle.resolve())]


def run_profile_probe(command: Sequence[str], orders: ProfileOrders) -> ProfileResult:
    """Run the profile probe to its end.

    TinylmError as the probe gives it when the bundle cannot be used (exit code 2); with exit code 1 when it was
    killed, hung, crashed or broke the protocol.
    """
    try:
        result = run_probe(command, orders, ProfileResult, timeout_s=_allowed_s(orders), name="the profile probe")
    except ProbeFailed as failure:
        raise _failed(str(failure)) from failure
    _check_counts(result, orders)
    return result


def _check_counts(result: ProfileResult, orders: ProfileOrders) -> None:
    """Every ordered time is there: fewer would be means of something else."""
    if tuple(times.prompt_tokens for times in result.lengths) != orders.lengths:
        raise _failed("the measuring process timed other prompt lengths than were ordered")
    for times in result.lengths:
        if {len(times.latency_ms), len(times.ttft_ms), len(times.itl_ms)} != {orders.rounds}:
            raise _failed(
                f"the measuring process timed other than {orders.rounds} requests of {times.prompt_tokens} tokens"
            )
    steps = orders.traced_requests * orders.new_tokens if orders.trace is not None else 0
    if {len(result.step_us), len(result.traced_step_us)} != {steps}:
        raise _failed(f"the measuring process timed other than {steps} decode steps")


def _allowed_s(orders: ProfileOrders) -> float:
    lengths = (orders.warmup + orders.rounds) * sum(length + orders.new_tokens for length in orders.lengths)
    traced = 2 * (orders.warmup + orders.traced_requests) * (orders.traced_prompt_tokens + orders.new_tokens)
    return _START_S + _TOKEN_S * (lengths + traced)


def _failed(how: str) -> TinylmError:
    return TinylmError(
        how, "run `tinylm doctor` to see what this machine lacks, or ask for fewer requests", exit_code=1
    )
