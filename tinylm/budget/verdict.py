"""Measurements and limits to verdicts: pure functions, one result per limit.

A verdict is `pass`, `fail`, `undecided` (measured, but the data does not say) or `not_measured`. What a disturbed run
still allows is decided by the rules in `validity.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tinylm.budget.device import Basis
from tinylm.budget.probing import Probed
from tinylm.budget.spec import QUANTILE, Budget, Confidence
from tinylm.budget.statistics import decide, lower_bound, most_over, observed, upper_bound
from tinylm.budget.validity import Validity
from tinylm.runtime.probe_contract import ProbeResult

Verdict = Literal["pass", "fail", "undecided", "not_measured"]

_BLAMELESS = "the surroundings may be to blame; run it again on a quiet, cool machine"
_WEAKEST_LAST: tuple[Basis, ...] = ("measured", "indicative", "estimated", "claimed")


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


@dataclass(frozen=True, kw_only=True)
class _Finding:
    measured: float | None
    verdict: Verdict
    evidence: str


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What the findings are drawn from."""

    processes: tuple[ProbeResult, ...]
    validity: Validity
    confidence: Confidence


def judge(
    budget: Budget, *, bundle_bytes: int, probed: Probed, validity: Validity | None, basis: Basis
) -> list[LimitResult]:
    """One result per limit that the budget sets, and golden tokens; `basis` is that of measurements on this machine."""
    limits = budget.limits
    rows: list[tuple[str, float | None, str, Callable[[float, _Run], _Finding]]] = [
        ("peak_rss_mb", limits.peak_rss_mb, "MB", _memory),
        ("latency_p95_ms", limits.latency_p95_ms, "ms", partial(_quantile, samples=lambda p: p.latency_ms)),
        ("ttft_p95_ms", limits.ttft_p95_ms, "ms", partial(_quantile, samples=lambda p: p.ttft_ms)),
        ("itl_p95_ms", limits.itl_p95_ms, "ms", partial(_quantile, samples=lambda p: p.itl_ms)),
        ("cold_start_ms", limits.cold_start_ms, "ms", _cold_start),
        ("bpb_increase", limits.bpb_increase, "bpb", _quality),
        ("golden_tokens", 0, "mismatches", _golden),
    ]
    # A size in bytes is the same on every machine.
    size = _finding(bundle_bytes / 1e6, limits.bundle_mb, "all files of the bundle, checked against its manifest")
    results = [_result("bundle_mb", limits.bundle_mb, "MB", "measured", size)]
    for name, limit, unit, find in rows:
        if limit is None:
            continue
        if probed.problem is not None or validity is None:
            finding = _not_measured(probed.problem or "no probe ran")
        else:
            run = _Run(processes=probed.processes, validity=validity, confidence=budget.confidence)
            finding = find(limit, run)
        results.append(_result(name, limit, unit, basis, finding))
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
    return any(result.verdict == "undecided" and result.name.endswith("_p95_ms") for result in results)


def _memory(limit: float, run: _Run) -> _Finding:
    memories = [process.memory for process in run.processes if process.memory is not None]
    if len(memories) < len(run.processes):
        return _not_measured("this system has no /proc/self/status; measure on Linux, such as the board itself")
    peak = max(memories, key=lambda memory: memory.peak_rss_bytes)
    finding = _finding(
        peak.peak_rss_bytes / 1e6,
        limit,
        f"highest VmHWM of {len(memories)} fresh processes; {peak.anonymous_bytes / 1e6:.0f} MB of it their own,"
        f" {peak.file_bytes / 1e6:.0f} MB mapped files",
    )
    if finding.verdict == "pass" and run.validity.memory.swapped:
        return _void(finding, run.validity.memory.explanation)
    return finding


def _quantile(limit: float, run: _Run, *, samples: Callable[[ProbeResult], Sequence[float]]) -> _Finding:
    values = [value for process in run.processes for value in samples(process)]
    level, n = run.confidence.look_level, len(values)
    over = sum(value > limit for value in values)
    allowed = most_over(n=n, quantile=QUANTILE, level=level)
    ends = (bound(values, quantile=QUANTILE, level=level) for bound in (lower_bound, upper_bound))
    between = " to ".join("unknown" if end is None else f"{end:.3g}" for end in ends)
    finding = _Finding(
        measured=observed(values, QUANTILE),
        verdict=decide(over=over, n=n, quantile=QUANTILE, level=level),
        evidence=f"{between} ms, either end with {100 * level:.4g} % confidence; {over} of {n} requests were over the"
        f" limit, at most {allowed or 0} may be",
    )
    times = run.validity.times
    if finding.verdict == "pass" and times.drifted and max(values) * times.drift > limit:
        return _void(finding, f"the clock drifted and the slowest request took {max(values):.3g} ms; run it again")
    if finding.verdict == "fail" and (times.contention or times.drifted):
        return _void(finding, _BLAMELESS)
    return finding


def _cold_start(limit: float, run: _Run) -> _Finding:
    starts = [process.cold_start_ms for process in run.processes if process.cold_start_ms is not None]
    if len(starts) < len(run.processes):
        return _not_measured("this system does not tell when a process started; measure on Linux")
    finding = _finding(
        max(starts),
        limit,
        f"slowest of {len(starts)} starts, process to first token; files were cached, not on the card",
    )
    times = run.validity.times
    if finding.verdict == "fail" and (times.contention or times.drifted):
        return _void(finding, _BLAMELESS)
    return finding


def _quality(limit: float, run: _Run) -> _Finding:
    texts = [text for process in run.processes if process.verification for text in process.verification.held_out]
    texts = [text for text in texts if text.text_bytes > 0]
    if not texts:
        return _not_measured("the bundle holds no held-out text")
    increases = {text.language: (text.bits - text.bits_fp32) / text.text_bytes for text in texts}
    each = ", ".join(f"{language} {increase:+.4f}" for language, increase in increases.items())
    return _finding(
        max(increases.values()), limit, f"bits per byte against fp32, re-measured here, worst language counts: {each}"
    )


def _golden(limit: float, run: _Run) -> _Finding:
    verified = next((process.verification for process in run.processes if process.verification), None)
    if verified is None or not verified.tokens or verified.encodings == 0:
        return _not_measured("the bundle holds no golden tokens")
    count = len(verified.mismatches)
    texts = "" if verified.encodings is None else f", {verified.encodings} encoded texts"
    same = f"{verified.tokens} tokens after {verified.prompts} prompts{texts}: as exported"
    first = verified.mismatches[0] if count else same
    return _finding(count, limit, first + (f"; and {count - 1} more" if count > 1 else ""))


def _finding(measured: float, limit: float, evidence: str) -> _Finding:
    return _Finding(measured=measured, verdict="pass" if measured <= limit else "fail", evidence=evidence)


def _not_measured(reason: str) -> _Finding:
    return _Finding(measured=None, verdict="not_measured", evidence=reason)


def _void(finding: _Finding, reason: str) -> _Finding:
    """A finding whose verdict the surroundings do not allow; the number stays to be seen."""
    would = {"pass": "it would pass", "fail": "it would fail"}[finding.verdict]
    return _Finding(measured=finding.measured, verdict="undecided", evidence=f"void: {would}, but {reason}")


def _result(name: str, limit: float, unit: str, basis: Basis, finding: _Finding) -> LimitResult:
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
    )
