"""Measurements and limits to verdicts: pure functions, one result per limit.

A verdict is `pass`, `fail`, `undecided` (measured, but the data does not say, or it is void) or `not_measured`. What a
disturbed run still allows is decided by the rules in `validity.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tinylm.base.numerals import change
from tinylm.budget.judge.times import explain, summarise_times
from tinylm.budget.judge.validity import Validity
from tinylm.budget.measure.memory_ledger import PER_REQUESTS, make_ledger
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.spec.budget import Budget, Confidence
from tinylm.budget.spec.candidate import Candidate
from tinylm.budget.spec.device import Basis
from tinylm.runtime.measurement.protocol import ProbeResult

Verdict = Literal["pass", "fail", "undecided", "not_measured"]

_WEAKEST_LAST: tuple[Basis, ...] = ("measured", "indicative", "estimated", "claimed")
_MOST_GAINED = -0.05
"""Bits per byte: int8 that is better than fp32 by more is no int8 of that model."""
_JUMP = 4
"""A heap that doubles once adds less than so many times the limit, at the rate of a quarter."""
_LEAST_READ_MB = 5
"""ONNX Runtime's library alone is more; of a small program half must be read."""
_NO_PROC = "not measurable here: this system has no /proc/self/status; measure on Linux, such as the board itself"
_NO_QUALITY = (
    "a decoder brings no fp32 model to compare with; leave `bpb_increase` out of a copy of the budget, and measure"
    " quality where the model was trained"
)
_SIZE = {
    "bundle": "all files of the bundle, checked against its manifest",
    "decoder": "the files of the decoder: graph, description, and tokenizer where there is one",
    "program": "the program, with the model and all else that it needs in it",
}


@dataclass(frozen=True, kw_only=True)
class LimitResult:
    """One limit: what was measured, and what that means."""

    name: str
    measured: float | None
    """None when there is no number."""
    limit: float
    unit: str
    margin: float | None
    """Share of the limit that is left, negative when it is exceeded; None without a number, or when the limit is 0."""
    verdict: Verdict
    basis: Basis
    evidence: str
    """Why this verdict, in one sentence for people."""
    void: str | None = None
    """The name of the cause that made a pass or a fail `undecided`; see the report's `validity`."""
    low: float | None = None
    high: float | None = None
    """The ends of an estimate's error bar, of which `measured` is the likeliest value; None for what was measured."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A result before the limit's name and unit are put to it."""

    measured: float | None
    verdict: Verdict
    evidence: str
    void: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Case:
    """What the findings are drawn from."""

    candidate: Candidate
    measured: Measurements
    validity: Validity
    confidence: Confidence


def judge(
    budget: Budget, *, candidate: Candidate, measured: Measurements, validity: Validity | None, basis: Basis
) -> list[LimitResult]:
    """One result per limit that the budget sets, and golden tokens where the candidate may have some.

    `validity` is that of the measurements, None when there are none; `basis` is that of measurements on this machine.
    """
    limits = budget.limits
    rows: list[tuple[str, float | None, str, Callable[[float, _Case], Finding]]] = [
        ("peak_rss_mb", limits.peak_rss_mb, "MB", _peak),
        ("resident_mb", limits.resident_mb, "MB", _resident),
        ("growth_mb", limits.growth_mb, "MB", _growth),
        ("latency_p95_ms", limits.latency_p95_ms, "ms", partial(_p95, samples=lambda p: p.latency_ms)),
        ("ttft_p95_ms", limits.ttft_p95_ms, "ms", partial(_p95, samples=lambda p: p.ttft_ms)),
        ("itl_p95_ms", limits.itl_p95_ms, "ms", partial(_p95, samples=lambda p: p.itl_ms)),
        ("cold_start_ms", limits.cold_start_ms, "ms", _cold_start),
        ("bpb_increase", limits.bpb_increase, "bpb", _quality),
        ("golden_tokens", 0 if candidate.golden else None, "mismatches", _golden),
    ]
    # A size in bytes is the same on every machine.
    size = compare(candidate.size_bytes / 1e6, limits.bundle_mb, _SIZE[candidate.kind])
    results = [result_of("bundle_mb", limits.bundle_mb, "MB", "measured", size)]
    for name, limit, unit, find in rows:
        if limit is None:
            continue
        if measured.problem is not None or validity is None:
            finding = not_measured(measured.problem or "no probe ran")
        else:
            case = _Case(candidate=candidate, measured=measured, validity=validity, confidence=budget.confidence)
            finding = find(limit, case)
        results.append(result_of(name, limit, unit, basis, finding))
    return results


def overall(results: Sequence[LimitResult]) -> tuple[Verdict, Basis]:
    """Verdict and basis of the whole: fail before undecided before pass, and the weakest basis of all."""
    verdicts = {result.verdict for result in results}
    basis = max((result.basis for result in results), key=_WEAKEST_LAST.index)
    if "fail" in verdicts:
        return "fail", basis
    return ("pass" if verdicts == {"pass"} else "undecided"), basis


def open_quantiles(results: Sequence[LimitResult]) -> bool:
    """Whether more requests could still decide something."""
    return any(
        result.verdict == "undecided" and result.void is None and result.name.endswith("_p95_ms") for result in results
    )


def judge_p95(
    processes: Sequence[Sequence[float]], *, limit: float, validity: Validity, confidence: Confidence
) -> Finding:
    """Whether the 95th percentile of the processes' times, in ms, is within the limit."""
    summary = summarise_times("", processes, limit=limit, confidence=confidence)
    if summary is None or summary.decision is None:
        return not_measured("no request was counted")
    finding = Finding(measured=summary.p95, verdict=summary.decision, evidence=explain(summary))
    values = [value for process in processes for value in process]
    return _unless_void(finding, validity, "times", room=validity.room(finding.verdict, values, limit))


def _p95(limit: float, case: _Case, *, samples: Callable[[ProbeResult], Sequence[float]]) -> Finding:
    processes = [samples(process) for process in case.measured.processes]
    return judge_p95(processes, limit=limit, validity=case.validity, confidence=case.confidence)


def _peak(limit: float, case: _Case) -> Finding:
    measured = case.measured
    memories = [process.memory for process in measured.processes if process.memory is not None]
    if len(memories) < len(measured.processes):
        return not_measured(_NO_PROC)
    if measured.memory_problem is not None:
        return not_measured(measured.memory_problem)
    evidence = f"highest VmHWM of {len(memories)} fresh processes"
    if measured.memory is not None and measured.memory.memory is not None:
        memories.append(measured.memory.memory)
        requests = measured.memory.growth[-1].requests if measured.memory.growth else 0
        evidence += f", and of one that did {requests} requests"
    peak = max(memories, key=lambda memory: memory.peak_rss_bytes)
    if peak.anonymous_bytes is not None and peak.file_bytes is not None:
        own, files = peak.anonymous_bytes / 1e6, peak.file_bytes / 1e6
        evidence += f"; then {own:.0f} MB are its own, {files:.0f} MB mapped files"
    return _unless_void(compare(peak.peak_rss_bytes / 1e6, limit, evidence), case.validity, "memory")


def _resident(limit: float, case: _Case) -> Finding:
    measured = case.measured
    resident = [
        process.memory.rss_bytes for process in measured.processes if process.memory and process.memory.rss_bytes
    ]
    if len(resident) < len(measured.processes):
        return not_measured(_NO_PROC)
    if measured.memory_problem is not None:
        return not_measured(measured.memory_problem)
    if measured.memory is not None and measured.memory.memory and measured.memory.memory.rss_bytes is not None:
        resident.append(measured.memory.memory.rss_bytes)
    evidence = f"highest VmRSS of {len(resident)} processes after their requests"
    return _unless_void(compare(max(resident) / 1e6, limit, evidence), case.validity, "memory")


def _growth(limit: float, case: _Case) -> Finding:
    if case.measured.memory is None:
        return not_measured(case.measured.memory_problem or "the memory probe did not run")
    ledger = make_ledger(case.measured.memory)
    if ledger is None:
        return not_measured(_NO_PROC)
    if ledger.growth_mb is None:
        return not_measured(f"{ledger.requests} requests are too few to tell growth from warming up")
    growth_mb, largest = max(ledger.growth_mb, 0.0), ledger.largest_growth_mb
    if ledger.growth_mb <= limit and largest is not None and largest > _JUMP * limit:
        why = f"one of the last two quarters grew at a rate of {largest:.3g} MB: a jump, or a leak in large steps"
        evidence = f"{why}; more `memory_requests` would tell"
        return Finding(measured=growth_mb, verdict="undecided", evidence=evidence)
    evidence = f"own memory that {PER_REQUESTS} requests add once warm, measured over {ledger.requests}"
    return _unless_void(compare(growth_mb, limit, evidence), case.validity, "memory")


def _cold_start(limit: float, case: _Case) -> Finding:
    processes = case.measured.processes
    starts = [process.cold_start_ms for process in processes if process.cold_start_ms is not None]
    if len(starts) < len(processes):
        return not_measured("not measurable here: this system does not tell when a process started; measure on Linux")
    read = processes[0].storage_read_bytes / 1e6
    evidence = f"slowest of {len(starts)} starts, process to first token; the first read {read:.0f} MB from storage"
    finding = compare(max(starts), limit, evidence)
    if finding.verdict == "pass" and read < min(_LEAST_READ_MB, case.candidate.size_bytes / 2e6):
        why = "the files were in the system's cache, so this was no first start"
        return Finding(measured=finding.measured, verdict="undecided", evidence=f"{evidence}; {why}")
    return _unless_void(finding, case.validity, "times", room=case.validity.room(finding.verdict, starts, limit))


def _quality(limit: float, case: _Case) -> Finding:
    if case.candidate.kind == "decoder":
        return not_measured(_NO_QUALITY)
    verifications = [process.verification for process in case.measured.processes if process.verification]
    texts = [text for verified in verifications for text in verified.held_out if text.text_bytes > 0]
    if not texts:
        return not_measured("the bundle holds no held-out text")
    increases = {text.language: (text.bits - text.bits_fp32) / text.text_bytes for text in texts}
    each = ", ".join(f"{language} {change(increase)}" for language, increase in increases.items())
    size = sum(text.text_bytes for text in texts)
    evidence = f"bits per byte against fp32, measured here on {size:,} bytes in golden.json; the worst counts: {each}"
    if min(increases.values()) < _MOST_GAINED:
        return not_measured(f"int8 cannot be that much better than fp32, so the bundle's own figures are wrong: {each}")
    return _unless_void(compare(max(increases.values()), limit, evidence), case.validity, "other")


def _golden(limit: float, case: _Case) -> Finding:
    verified = next((process.verification for process in case.measured.processes if process.verification), None)
    if verified is None or not verified.tokens or verified.encodings == 0:
        return not_measured("the bundle holds no golden tokens")
    count = len(verified.mismatches)
    texts = "" if verified.encodings is None else f", {verified.encodings} encoded texts"
    same = f"{verified.tokens} tokens after {verified.prompts} prompts{texts}: as exported"
    first = verified.mismatches[0] if count else same
    return compare(count, limit, first + (f"; and {count - 1} more" if count > 1 else ""))


def compare(measured: float, limit: float, evidence: str) -> Finding:
    """A number that simply has to stay within its limit."""
    return Finding(measured=measured, verdict="pass" if measured <= limit else "fail", evidence=evidence)


def not_measured(reason: str) -> Finding:
    """A finding without a number, and why there is none; never a pass."""
    return Finding(measured=None, verdict="not_measured", evidence=reason)


def _unless_void(
    finding: Finding, validity: Validity, kind: Literal["times", "memory", "other"], *, room: bool = False
) -> Finding:
    """The finding, unless something that was watched makes it void; its number stays to be seen."""
    cause = validity.void(finding.verdict, kind, room=room)
    if cause is None:
        return finding
    would = {"pass": "it would pass", "fail": "it would fail"}.get(finding.verdict, "it is not decided")
    evidence = f"void: {would}, but {cause.what}"
    return Finding(measured=finding.measured, verdict="undecided", evidence=evidence, void=cause.name)


def result_of(name: str, limit: float, unit: str, basis: Basis, finding: Finding) -> LimitResult:
    """The finding as a row of the report."""
    measured = finding.measured
    return LimitResult(
        name=name,
        measured=None if measured is None else round(measured, 6),
        limit=limit,
        unit=unit,
        margin=None if measured is None or limit == 0 else round((limit - measured) / limit, 4),
        verdict=finding.verdict,
        basis=basis,
        evidence=finding.evidence,
        void=finding.void,
    )
