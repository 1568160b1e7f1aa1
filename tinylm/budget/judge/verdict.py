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
from tinylm.budget.measure.memory_ledger import PER_REQUESTS, Ledger, make_ledger
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.spec.budget import Budget, Confidence
from tinylm.budget.spec.device import Basis
from tinylm.runtime.measurement.protocol import ProbeResult, ProcessMemory

Verdict = Literal["pass", "fail", "undecided", "not_measured"]

_WEAKEST_LAST: tuple[Basis, ...] = ("measured", "indicative", "estimated", "claimed")
_MOST_GAINED = -0.05
_JUMP = 4
"""A heap that doubles once adds less than so many times the limit, at the rate of a quarter."""
_LEAST_READ_MB = 5
"""ONNX Runtime's library alone is more."""
_NO_PROC = "not measurable here: this system has no /proc/self/status; measure on Linux, such as the board itself"


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
class _Run:
    """What the findings are drawn from."""

    processes: tuple[ProbeResult, ...]
    memory_probe: ProcessMemory | None
    memory_requests: int
    """That the memory probe did."""
    memory_problem: str | None
    """What became of the memory probe, when it is more than that the system does not tell."""
    ledger: Ledger | None
    no_ledger: str
    """Why there is no ledger."""
    validity: Validity
    confidence: Confidence


def judge(
    budget: Budget, *, bundle_bytes: int, probed: Measurements, validity: Validity | None, basis: Basis
) -> list[LimitResult]:
    """One result per limit that the budget sets, and golden tokens; `basis` is that of measurements on this machine."""
    limits = budget.limits
    rows: list[tuple[str, float | None, str, Callable[[float, _Run], Finding]]] = [
        ("peak_rss_mb", limits.peak_rss_mb, "MB", _peak),
        ("resident_mb", limits.resident_mb, "MB", _resident),
        ("growth_mb", limits.growth_mb, "MB", _growth),
        ("latency_p95_ms", limits.latency_p95_ms, "ms", partial(_p95, samples=lambda p: p.latency_ms)),
        ("ttft_p95_ms", limits.ttft_p95_ms, "ms", partial(_p95, samples=lambda p: p.ttft_ms)),
        ("itl_p95_ms", limits.itl_p95_ms, "ms", partial(_p95, samples=lambda p: p.itl_ms)),
        ("cold_start_ms", limits.cold_start_ms, "ms", _cold_start),
        ("bpb_increase", limits.bpb_increase, "bpb", _quality),
        ("golden_tokens", 0, "mismatches", _golden),
    ]
    # A size in bytes is the same on every machine.
    size = compare(bundle_bytes / 1e6, limits.bundle_mb, "all files of the bundle, checked against its manifest")
    results = [result_of("bundle_mb", limits.bundle_mb, "MB", "measured", size)]
    memory = probed.memory
    for name, limit, unit, find in rows:
        if limit is None:
            continue
        if probed.problem is not None or validity is None:
            finding = not_measured(probed.problem or "no probe ran")
        else:
            run = _Run(
                processes=probed.processes,
                memory_probe=None if memory is None else memory.memory,
                memory_requests=memory.growth[-1].requests if memory is not None and memory.growth else 0,
                memory_problem=probed.memory_problem,
                ledger=None if memory is None else make_ledger(memory),
                no_ledger=_NO_PROC if memory is not None else probed.memory_problem or "the memory probe did not run",
                validity=validity,
                confidence=budget.confidence,
            )
            finding = find(limit, run)
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


def _peak(limit: float, run: _Run) -> Finding:
    memories = [process.memory for process in run.processes if process.memory is not None]
    if len(memories) < len(run.processes):
        return not_measured(_NO_PROC)
    if run.memory_problem is not None:
        return not_measured(run.memory_problem)
    evidence = f"highest VmHWM of {len(memories)} fresh processes"
    if run.memory_probe is not None:
        memories.append(run.memory_probe)
        evidence += f", and of one that did {run.memory_requests} requests"
    peak = max(memories, key=lambda memory: memory.peak_rss_bytes)
    if peak.anonymous_bytes is not None and peak.file_bytes is not None:
        own, files = peak.anonymous_bytes / 1e6, peak.file_bytes / 1e6
        evidence += f"; then {own:.0f} MB are its own, {files:.0f} MB mapped files"
    return _stands(compare(peak.peak_rss_bytes / 1e6, limit, evidence), run, "memory")


def _resident(limit: float, run: _Run) -> Finding:
    resident = [process.memory.rss_bytes for process in run.processes if process.memory and process.memory.rss_bytes]
    if len(resident) < len(run.processes):
        return not_measured(_NO_PROC)
    if run.memory_problem is not None:
        return not_measured(run.memory_problem)
    if run.memory_probe is not None and run.memory_probe.rss_bytes is not None:
        resident.append(run.memory_probe.rss_bytes)
    evidence = f"highest VmRSS of {len(resident)} processes after their requests"
    return _stands(compare(max(resident) / 1e6, limit, evidence), run, "memory")


def _growth(limit: float, run: _Run) -> Finding:
    if run.ledger is None:
        return not_measured(run.no_ledger)
    if run.ledger.growth_mb is None:
        return not_measured(f"{run.ledger.requests} requests are too few to tell growth from warming up")
    evidence = f"own memory that {PER_REQUESTS} requests add once warm, measured over {run.ledger.requests}"
    largest = run.ledger.largest_growth_mb
    if run.ledger.growth_mb <= limit and largest is not None and largest > _JUMP * limit:
        why = f"one of the last two quarters grew at a rate of {largest:.3g} MB: a jump, or a leak in large steps"
        evidence = f"{why}; more `memory_requests` would tell"
        return Finding(measured=max(run.ledger.growth_mb, 0.0), verdict="undecided", evidence=evidence)
    return _stands(compare(max(run.ledger.growth_mb, 0.0), limit, evidence), run, "memory")


def _p95(limit: float, run: _Run, *, samples: Callable[[ProbeResult], Sequence[float]]) -> Finding:
    processes = [samples(process) for process in run.processes]
    summary = summarise_times("", processes, limit=limit, confidence=run.confidence)
    if summary is None or summary.decision is None:
        return not_measured("no request was counted")
    finding = Finding(measured=summary.p95, verdict=summary.decision, evidence=explain(summary))
    values = [value for process in processes for value in process]
    return _stands(finding, run, "times", room=run.validity.room(finding.verdict, values, limit))


def _cold_start(limit: float, run: _Run) -> Finding:
    starts = [process.cold_start_ms for process in run.processes if process.cold_start_ms is not None]
    if len(starts) < len(run.processes):
        return not_measured("not measurable here: this system does not tell when a process started; measure on Linux")
    read = run.processes[0].storage_read_bytes / 1e6
    evidence = f"slowest of {len(starts)} starts, process to first token; the first read {read:.0f} MB from storage"
    finding = compare(max(starts), limit, evidence)
    if finding.verdict == "pass" and read < _LEAST_READ_MB:
        why = "the files were in the system's cache, so this was no first start"
        return Finding(measured=finding.measured, verdict="undecided", evidence=f"{evidence}; {why}")
    return _stands(finding, run, "times", room=run.validity.room(finding.verdict, starts, limit))


def _quality(limit: float, run: _Run) -> Finding:
    texts = [text for process in run.processes if process.verification for text in process.verification.held_out]
    texts = [text for text in texts if text.text_bytes > 0]
    if not texts:
        return not_measured("the bundle holds no held-out text")
    increases = {text.language: (text.bits - text.bits_fp32) / text.text_bytes for text in texts}
    each = ", ".join(f"{language} {change(increase)}" for language, increase in increases.items())
    size = sum(text.text_bytes for text in texts)
    evidence = f"bits per byte against fp32, measured here on {size:,} bytes in golden.json; the worst counts: {each}"
    if min(increases.values()) < _MOST_GAINED:
        return not_measured(f"int8 cannot be that much better than fp32, so the bundle's own figures are wrong: {each}")
    return _stands(compare(max(increases.values()), limit, evidence), run, "other")


def _golden(limit: float, run: _Run) -> Finding:
    verified = next((process.verification for process in run.processes if process.verification), None)
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


def _stands(finding: Finding, run: _Run, kind: Literal["times", "memory", "other"], *, room: bool = False) -> Finding:
    """The finding, unless something that was watched makes it void."""
    cause = run.validity.void(finding.verdict, kind, room=room)
    if cause is None:
        return finding
    # The number stays to be seen.
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
