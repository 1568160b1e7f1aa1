"""Measurements in, verdicts out, by the names of the limits."""

from __future__ import annotations

import dataclasses

import pytest
from judged_candidate import ALL, CANDIDATE, Judged

from tinylm.budget.judge.validity import judge_validity
from tinylm.budget.judge.verdict import LimitResult, judge
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.candidate import Candidate
from tinylm.runtime.measurement.protocol import MemoryResult, ProbeResult


@pytest.fixture
def judged(built_up: MemoryResult) -> Judged:
    """The results by name; `memory` is what the memory probe saw."""

    def judge_them(
        processes: tuple[ProbeResult, ...],
        *,
        budget: Budget = ALL,
        size: int = 2_000_000,
        memory: MemoryResult | None = built_up,
        candidate: Candidate = CANDIDATE,
    ) -> dict[str, LimitResult]:
        measured = Measurements(processes=processes, memory=memory, memory_problem=None if memory else "it was killed")
        validity = judge_validity(processes)
        candidate = dataclasses.replace(candidate, size_bytes=size)
        results = judge(budget, candidate=candidate, measured=measured, validity=validity, basis="measured")
        return {result.name: result for result in results}

    return judge_them
