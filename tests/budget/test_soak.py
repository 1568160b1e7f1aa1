"""Sustained load: what is judged, on which half, and what makes it void."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable

import pytest

from tinylm.budget.judge.validity import Cause
from tinylm.budget.measure.conditions import MachineMonitor
from tinylm.budget.measure.probes import ProbeRunner
from tinylm.budget.soak import Soak, judge_soak, run_soak
from tinylm.budget.spec.budget import load_budget
from tinylm.budget.spec.candidate import bundle_candidate
from tinylm.bundle.reading import Bundle
from tinylm.machine.firmware import FirmwareSilent
from tinylm.runtime.measurement.protocol import ProbeResult

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]
BUDGET = load_budget("host")

# A probe that takes 20 ms for whatever is ordered; its requests get slower from process to process.
SLOWER = """
import json, os, sys, time
orders = json.load(sys.stdin)
time.sleep(0.02)
n = orders["requests"]
result = json.loads(os.environ["HOME"])
result["first_request"] = orders["first_request"]
latency = 100.0 + orders["first_request"] / n
for name in ("latency_ms", "ttft_ms", "itl_ms", "at_ms"):
    result[name] = [latency] * n
result["work_ms"] = [1.0] * (n + 1)
result["requests_cpu_ms"] = latency * n
print(json.dumps(result))
"""


def silent(*arguments: str) -> str:
    raise FirmwareSilent("none")


@pytest.fixture
def soaked(tiny_bundle: Bundle, make_processes: MakeProcesses, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Soak]:
    def run(code: str, *, minutes: float = 0.04) -> Soak:
        processes = make_processes()
        monkeypatch.setenv("HOME", json.dumps(dataclasses.asdict(processes[1])))  # one of the names that are kept
        probes = ProbeRunner(
            candidate=bundle_candidate(tiny_bundle), budget=BUDGET, interpreter=(sys.executable, "-c", code)
        )
        return run_soak(
            probes,
            minutes=minutes,
            warm=processes,
            monitor=MachineMonitor(ask=silent),
            cores=64,
            announce=len,
        )

    return run


def test_the_second_half_is_judged(soaked: Callable[..., Soak]) -> None:
    found = soaked(SLOWER)
    assert found.problem is None
    assert len(found.intervals) > 1
    assert {interval.requests for interval in found.intervals} == {100}  # ten seconds at 100 ms
    late = [interval for interval in found.intervals if interval.until_s > 1.2]
    assert found.settled is not None
    assert found.settled.requests == 100 * len(late)
    assert found.settled.p50 >= late[0].p50_ms
    assert found.slowdown is not None
    assert found.slowdown > 1
    result = judge_soak(found, BUDGET, "measured")
    assert (result.name, result.verdict, result.limit) == ("sustained_p95_ms", "pass", 250)
    assert "second half of 0.04 minutes" in result.evidence


def test_a_probe_that_dies_under_load_is_no_pass(soaked: Callable[..., Soak]) -> None:
    found = soaked("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert found.intervals == ()
    result = judge_soak(found, BUDGET, "measured")
    assert result.verdict == "not_measured"
    assert "killed by SIGKILL" in result.evidence


def test_too_short_a_soak_decides_nothing(soaked: Callable[..., Soak]) -> None:
    found = dataclasses.replace(soaked(SLOWER), settled=None)
    assert judge_soak(found, BUDGET, "measured").verdict == "not_measured"


@pytest.mark.parametrize(
    ("name", "voids", "limit", "verdict"),
    [
        ("contention", "fails", 250, "pass"),
        ("contention", "fails", 50, "undecided"),
        ("clock", "everything", 250, "undecided"),
    ],
)
def test_what_has_nothing_to_do_with_load_voids_it(
    soaked: Callable[..., Soak], name: str, voids: str, limit: float, verdict: str
) -> None:
    cause = Cause(name=name, kind="times", voids=voids, what="something happened", hint="")  # type: ignore[arg-type]
    found = soaked(SLOWER)
    assert found.settled is not None
    decision = "fail" if limit == 50 else "pass"
    found = dataclasses.replace(
        found,
        void=cause,
        settled=dataclasses.replace(found.settled, decision=decision),  # type: ignore[arg-type]
    )
    result = judge_soak(found, BUDGET, "measured")
    assert result.verdict == verdict
    assert (result.void == name) == (verdict == "undecided")
