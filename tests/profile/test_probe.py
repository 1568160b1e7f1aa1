"""Measuring processes that end badly; the other end of the pipe is any program, so here it is a small bad one."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest

from tinylm.base.errors import TinylmError
from tinylm.profile import probe
from tinylm.profile.probe import run_profile_probe
from tinylm.runtime.measurement.protocol import LengthTimes, ProfileOrders, ProfileResult

ORDERS = ProfileOrders(
    schema="1.0",
    prompts=("one", "two"),
    lengths=(16,),
    rounds=2,
    traced_prompt_tokens=17,
    traced_requests=1,
    trace="/nowhere",
    new_tokens=3,
    threads=1,
    warmup=1,
)
TIMES = LengthTimes(prompt_tokens=16, latency_ms=(1.0, 2.0), ttft_ms=(1.0, 1.0), itl_ms=(0.5, 0.5))
RESULT = ProfileResult(
    schema="1.0", backend="native", lengths=(TIMES,), step_us=(1.0, 2.0, 3.0), traced_step_us=(2.0, 3.0, 4.0)
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def answering(result: object, code: int = 0) -> list[str]:
    return python(f"import sys; sys.stdin.read(); print({json.dumps(json.dumps(result))}); sys.exit({code})")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "was killed by SIGILL: this processor lacks"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL: most likely"),
        ("raise ImportError('no numpy here')", "ended with code 1: ImportError: no numpy here"),
        ("raise SystemExit(2)", "ended with code 2: it said nothing"),
        ("print('garbage')", "unusable result"),
        ("", "unusable result"),
        ('print(\'{"schema": "1.0"}\')', "lacks the key `backend`"),
    ],
)
def test_bad_ends_are_errors_with_exit_code_1(code: str, reason: str) -> None:
    with pytest.raises(TinylmError, match=f"the profile probe .*{reason}") as error:
        run_profile_probe(python(code), ORDERS)
    assert error.value.exit_code == 1
    assert error.value.hint


def test_one_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_START_S", 1)
    monkeypatch.setattr(probe, "_TOKEN_S", 0)
    with pytest.raises(TinylmError, match="no result within 1 s"):
        run_profile_probe(python("import time; time.sleep(60)"), ORDERS)


def test_one_that_cannot_start() -> None:
    with pytest.raises(TinylmError, match="could not be started"):
        run_profile_probe(["/nowhere/python"], ORDERS)


def test_a_refusal_is_the_users_error() -> None:
    refusal = {"refused": {"message": "too long", "hint": "shorten it", "exit_code": 2}}
    with pytest.raises(TinylmError, match="too long") as error:
        run_profile_probe(answering(refusal, code=2), ORDERS)
    assert (error.value.hint, error.value.exit_code) == ("shorten it", 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lengths": ()}, "other prompt lengths"),
        ({"lengths": (dataclasses.replace(TIMES, itl_ms=(0.5,)),)}, "other than 2 requests of 16 tokens"),
        ({"step_us": (1.0,)}, "other than 3 decode steps"),
        ({"traced_step_us": ()}, "other than 3 decode steps"),
    ],
)
def test_times_that_are_missing_are_no_result(change: dict[str, object], reason: str) -> None:
    result = dataclasses.asdict(dataclasses.replace(RESULT, **change))  # type: ignore[arg-type]
    with pytest.raises(TinylmError, match=reason):
        run_profile_probe(answering(result), ORDERS)


def test_a_good_result_comes_back_as_it_was() -> None:
    assert run_profile_probe(answering(dataclasses.asdict(RESULT)), ORDERS) == RESULT
