"""A report of a processor that is imitated, whose probes' clock counts instructions.

What comes back is worth different things. Memory, golden tokens and quality are what the code really did, on a machine
that is not the board: `indicative`. Times are instruction counts turned into milliseconds: `estimated`. Nothing of it
is ever `measured`.
"""

from __future__ import annotations

from dataclasses import replace

from tinylm.budget.advice import advise
from tinylm.budget.check import make_report
from tinylm.budget.estimate.estimate import estimate_counted
from tinylm.budget.judge.elsewhere import judge_elsewhere
from tinylm.budget.judge.validity import judge_validity
from tinylm.budget.judge.verdict import judge
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.report import BudgetReport
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.candidate import Candidate
from tinylm.budget.spec.prompts import PROMPTS
from tinylm.machine.device import DeviceFacts

REQUESTS = len(PROMPTS)
"""Each prompt once: the counts repeat, so more of the same would say nothing new."""
WARMUP = 1
NOTES = ("memory growth takes a thousand requests, which no emulator does in bearable time: measure it elsewhere",)


def counted_report(
    candidate: Candidate, budget: Budget, *, facts: DeviceFacts, measured: Measurements, why_not: str = ""
) -> BudgetReport:
    """Judge what was counted; `why_not` says why a budget without `[estimate]` has no times."""
    validity = judge_validity(measured.processes) if measured.processes else None
    # So few requests as can be waited for say nothing of growth; the notes say that it is left out.
    judged = replace(budget, limits=replace(budget.limits, growth_mb=None))
    results = judge(judged, candidate=candidate, measured=measured, validity=validity, basis="indicative")
    estimate = None
    if measured.problem is None and budget.estimate is not None:
        estimate = estimate_counted(
            budget.estimate,
            measured.processes,
            model_bytes=candidate.weights_bytes,
            prompt_tokens=budget.request.prompt_tokens,
            new_tokens=budget.request.new_tokens,
        )
    results = judge_elsewhere(results, estimate, why_not=measured.problem or why_not)
    report = make_report(
        candidate,
        budget,
        facts=facts,
        measured=measured,
        validity=validity,
        results=results,
        estimate=estimate,
    )
    return replace(report, advice=advise(report, candidate))
