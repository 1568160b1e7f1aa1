"""Probes that end badly. The other end of the pipe is any program, so here it is a small bad one."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.budget.measure.probes import (
    Measurements,
    ProbeFailed,
    ProbeRunner,
    measure_latency,
    measure_memory,
    run_latency_probe,
)
from tinylm.budget.spec.budget import Budget, load_budget
from tinylm.budget.spec.candidate import Candidate
from tinylm.runtime.measurement.protocol import ProbeOrders, ProbeResult

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]

ORDERS = ProbeOrders(
    schema="2.0",
    prompts=("one", "two"),
    first_request=0,
    prompt_tokens=16,
    new_tokens=20,
    threads=1,
    warmup=1,
    requests=31,
    verify=False,
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def runner(code: str, budget: Budget) -> ProbeRunner:
    """Whatever module is asked for, the code runs; its name and the candidate's folder are arguments."""
    candidate = Candidate(
        kind="bundle",
        name="a",
        sha256="0" * 64,
        path=Path("a"),
        size_bytes=1,
        model=None,
        kv_cache_element_bytes=4,
        golden=True,
    )
    return ProbeRunner(candidate=candidate, budget=budget, interpreter=(sys.executable, "-c", code))


def answering(result: object) -> list[str]:
    return python(f"import sys; sys.stdin.read(); print({json.dumps(json.dumps(result))})")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "killed by SIGILL: this processor lacks"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL: most likely"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV$"),
        ("raise ImportError('no numpy here')", "ended with code 1: ImportError: no numpy here"),
        ("raise SystemExit(2)", "ended with code 2: it said nothing"),
        ("print('garbage')", "unusable result: its result has schema None"),
        ("", "unusable"),
        ("print('[' * 100000)", "unusable"),
        ('print(\'{"schema": "2.0"}\')', "lacks the key `first_request`"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')", "unusable"),
    ],
)
def test_bad_ends_are_reasons(code: str, reason: str) -> None:
    with pytest.raises(ProbeFailed, match=reason):
        run_latency_probe(python(code), ORDERS, timeout_s=30)


def test_a_probe_that_hangs_is_stopped() -> None:
    with pytest.raises(ProbeFailed, match="no result within 1 s"):
        run_latency_probe(python("import time; time.sleep(60)"), ORDERS, timeout_s=1)


def test_a_probe_that_cannot_start() -> None:
    with pytest.raises(ProbeFailed, match="could not be started"):
        run_latency_probe(["/nowhere/python"], ORDERS, timeout_s=1)


def test_too_few_timings_are_no_result(make_processes: MakeProcesses) -> None:
    result = dataclasses.asdict(make_processes(latency_ms=(1.0,) * 30)[0])
    with pytest.raises(ProbeFailed, match="timed \\[30, 31\\] requests; 31 were ordered"):
        run_latency_probe(answering(result), ORDERS, timeout_s=30)


@pytest.mark.parametrize(
    "changes",
    [
        {"latency_ms": (-1.0,) + (100.0,) * 30},
        {"ttft_ms": (0.0,) * 31},
        {"work_ms": (1.0,) * 31 + (-0.5,)},
        {"at_ms": (5.0, 1.0, *range(2, 31))},
    ],
)
def test_a_clock_that_goes_back_is_no_measurement(make_processes: MakeProcesses, changes: dict[str, object]) -> None:
    result = dataclasses.asdict(make_processes(**changes)[0])
    with pytest.raises(ProbeFailed, match="the probe's clock went back"):
        run_latency_probe(answering(result), ORDERS, timeout_s=30)


def test_a_good_result_comes_back_as_it_was(make_processes: MakeProcesses) -> None:
    result = make_processes()[0]
    assert run_latency_probe(answering(dataclasses.asdict(result)), ORDERS, timeout_s=30) == result


def test_a_refusal_is_an_error_for_the_user() -> None:
    code = 'print(\'{"refused": {"message": "too short", "hint": "longer", "exit_code": 2}}\'); raise SystemExit(2)'
    with pytest.raises(TinylmError, match="too short") as caught:
        run_latency_probe(python(code), ORDERS, timeout_s=30)
    assert caught.value.hint == "longer"


def test_the_probe_runs_in_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    code = "import os; raise SystemExit(' '.join(sorted(os.environ)))"
    with pytest.raises(ProbeFailed) as caught:
        run_latency_probe(python(code), ORDERS, timeout_s=30)
    assert "PYTHONPATH" in str(caught.value)
    assert "OMP_NUM_THREADS" not in str(caught.value)
    assert "PYTHONSTARTUP" not in str(caught.value)


ECHO = """
import json, os, sys
orders = json.load(sys.stdin)
result = json.loads(os.environ["HOME"])
n = orders["requests"]
for name in ("latency_ms", "ttft_ms", "itl_ms", "at_ms"):
    result[name] = [float(orders["first_request"]) + 1] * n
result["work_ms"] = [1.0] * (n + 1)
result["major_faults"] = int(orders["verify"])
print(json.dumps(result))
"""


def test_requests_are_spread_and_numbered_on(make_processes: MakeProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", json.dumps(dataclasses.asdict(make_processes()[1])))  # one of the names that are kept
    budget, lines = load_budget("host"), []
    budget = dataclasses.replace(budget, confidence=dataclasses.replace(budget.confidence, looks=(80, 124)))
    probes = runner(ECHO, budget)
    first = measure_latency(Measurements(), until=80, probes=probes, announce=lines.append)
    assert first.problem is None
    assert [len(process.latency_ms) for process in first.processes] == [20, 20, 20, 20]
    assert [process.latency_ms[0] for process in first.processes] == [1, 21, 41, 61]
    second = measure_latency(first, until=124, probes=probes, announce=lines.append)
    assert second.requests == 124
    assert second.processes[:4] == first.processes
    assert [process.major_faults for process in second.processes] == [1] + [0] * 7  # only the very first verifies
    assert lines[0] == "process 1 of 4: 20 requests, to 80 in all, then golden tokens"
    assert len(lines) == 8


def test_after_a_failure_no_more_processes_are_started(tmp_path: Path) -> None:
    count = tmp_path / "count"
    code = f"open({str(count)!r}, 'a').write('x'); raise SystemExit(7)"
    measured = measure_latency(Measurements(), until=124, probes=runner(code, load_budget("host")), announce=len)
    assert "code 7" in (measured.problem or "")
    assert count.read_text() == "x"


def test_a_dead_memory_probe_leaves_the_rest_standing(make_processes: MakeProcesses) -> None:
    before = Measurements(processes=make_processes())
    killing = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    after = measure_memory(before, probes=runner(killing, load_budget("host")))
    assert after.processes == before.processes
    assert after.problem is None
    assert after.memory is None
    assert "the memory probe was killed by SIGKILL" in (after.memory_problem or "")


def test_a_server_is_measured_by_a_probe_of_its_own_which_starts_it_under_the_limit() -> None:
    code = "import sys; raise SystemExit(' '.join(sys.argv[1:]))"
    probes = dataclasses.replace(runner(code, load_budget("host")), serve=True)
    with pytest.raises(ProbeFailed, match=r"serving process ended with code 1: .*serve\.measurement\.probe .*a x y$"):
        probes.run(ORDERS, under=("x", "y"))
    with pytest.raises(ProbeFailed, match=r"tinylm\.serve\.measurement\.memory_probe .*a$"):
        probes.run_memory()
