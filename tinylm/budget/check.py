"""The whole check in order: what machine is this, measure in rounds, look inside, decide, advise, report."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import tinylm
from tinylm.base.progress import ProgressBar
from tinylm.base.termination import ended_by_signals
from tinylm.budget.compare.comparison import LOOKS, compare_in_looks
from tinylm.budget.compare.typical import well_known
from tinylm.budget.enforce import enforce
from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.estimate.modelled import estimate_modelled
from tinylm.budget.estimate.work import Unmodelled
from tinylm.budget.judge.advice import advise
from tinylm.budget.judge.candidate import Candidate, bundle_candidate
from tinylm.budget.judge.elsewhere import judge_elsewhere
from tinylm.budget.judge.times import TimeSummary, summarise_times
from tinylm.budget.judge.validity import Validity, judge_validity
from tinylm.budget.judge.verdict import LimitResult, judge, open_quantiles, overall
from tinylm.budget.measure.cold_start import drop_from_cache
from tinylm.budget.measure.conditions import MachineMonitor, MachineState
from tinylm.budget.measure.memory_ledger import make_ledger
from tinylm.budget.measure.probe_process import ProbeFailed
from tinylm.budget.measure.probes import (
    Measurements,
    ProbeSetup,
    probe_memory,
    probe_more,
    program_for,
    run_probe,
    timeout_s,
)
from tinylm.budget.report import SCHEMA, BudgetReport, BundleId, Device, OwnTimes, cold_start_of
from tinylm.budget.soak import Soak, judge_soak, soak
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.device import Basis, DeviceFacts, device_facts, differences
from tinylm.budget.statistics.binomial import observed
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.measurement.protocol import ProbeResult

_THREADS_REQUESTS = 24
"""Of the short probe that tries one thread more."""


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What a check does beyond what the budget says."""

    backend: Backend = "auto"
    """What runs the model in the probes."""
    soak_minutes: float | None = None
    """How long to go on without a pause."""
    enforce: bool = False
    """Also run under the kernel's own memory limit."""
    against: BudgetReport | None = None
    """Also compare with this earlier report of this machine."""


def check_bundle(
    bundle: Bundle,
    budget: Budget,
    *,
    announce: Callable[[str], None],
    program: ProbeSetup | None = None,
    options: CheckOptions | None = None,
) -> BudgetReport:
    """`check_candidate` for a bundle."""
    return check_candidate(bundle_candidate(bundle), budget, announce=announce, program=program, options=options)


def check_candidate(
    candidate: Candidate,
    budget: Budget,
    *,
    announce: Callable[[str], None],
    program: ProbeSetup | None = None,
    options: CheckOptions | None = None,
) -> BudgetReport:
    """Measure `candidate` on this machine against `budget`.

    `announce` gets a line of progress before each step. `program` starts the probes, by default this tinylm's own.
    TinylmError when it cannot take the budget's request at all. Told to end, also by a signal, it takes its probes
    along.
    """
    with ended_by_signals():
        return _check(candidate, budget, announce=announce, program=program, options=options or CheckOptions())


def _check(
    candidate: Candidate,
    budget: Budget,
    *,
    announce: Callable[[str], None],
    program: ProbeSetup | None,
    options: CheckOptions,
) -> BudgetReport:
    program = dataclasses.replace(
        program or program_for(candidate.path),
        backend=options.backend,
        golden=candidate.golden,
        decoder=candidate.decoder,
        bundle_sha256=candidate.sha256 if candidate.kind == "bundle" else None,
    )
    facts = device_facts()
    elsewhere = bool(differences(facts, budget.device))
    basis: Basis = "indicative" if elsewhere else "measured"
    estimate, why_not = _estimate(candidate, budget, options.backend) if elsewhere else (None, "")
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    monitor, probed = MachineMonitor(), Measurements()
    announce("a first start, its files out of the cache")
    with ProgressBar("dropping them", say=announce):  # thousands of files, on a card that may be slow
        cache_dropped = drop_from_cache(candidate.path)
    monitor.sample()

    def judged(validity: Validity | None) -> list[LimitResult]:
        here = judge(budget, bundle_bytes=candidate.size_bytes, probed=probed, validity=validity, basis=basis)
        return candidate.applicable(on_the_device(here))

    def on_the_device(results: Sequence[LimitResult]) -> list[LimitResult]:
        return judge_elsewhere(results, estimate, why_not=why_not) if elsewhere else list(results)

    def watched() -> Validity | None:
        if not probed.processes:
            return None
        return judge_validity(
            probed.processes,
            memory=probed.memory,
            moments=monitor.states,
            busiest=monitor.busy_processes(),
            cores=facts.cores,
            threads=budget.request.threads,
            governors=() if elsewhere else budget.device.governors,
            load_average=load,
        )

    # More than the first look's requests would only decide a p95 that does not count.
    def more_processes(so_far: Measurements, why: str) -> Measurements:
        announce(f"more processes, {why}")
        until = so_far.requests + budget.confidence.looks[0]
        return probe_more(so_far, until=until, budget=budget, program=program, announce=announce)

    for look in budget.confidence.looks[:1] if elsewhere else budget.confidence.looks:
        probed = probe_more(probed, until=look, budget=budget, program=program, announce=announce, monitor=monitor)
        validity = watched()
        results = judged(validity)
        if probed.problem is not None or not open_quantiles(results):
            break
    known = probed
    for _ in range(LOOKS[-1]):
        if known.problem is not None or well_known(known.processes, lambda process: process.latency_ms):
            break
        known = more_processes(known, "as these differ much and a later comparison needs a steady figure")
    if probed.problem is None:
        requests = budget.confidence.memory_requests
        typical_ms = observed([value for process in probed.processes for value in process.latency_ms], 0.5)
        announce(f"where the memory goes, over {requests} requests: about {requests * typical_ms / 1e3:.0f} s")
        with ProgressBar("memory", say=announce):
            probed = probe_memory(probed, budget=budget, program=program)
        monitor.sample()
        validity = watched()
        results = judged(validity)
    if options.enforce:
        results.append(enforce(budget, program=program, basis=basis, announce=announce))
    soaked = None
    if options.soak_minutes is not None and probed.problem is None:
        soaked = soak(
            budget,
            minutes=options.soak_minutes,
            warm=probed.processes,
            program=program,
            monitor=monitor,
            cores=facts.cores,
            announce=announce,
        )
        results += on_the_device([judge_soak(soaked, budget, basis)])

    def with_threads(threads: int) -> Sequence[ProbeResult]:
        announce(f"{_THREADS_REQUESTS} requests with {threads} threads, for advice")
        orders = dataclasses.replace(program.orders(budget, requests=_THREADS_REQUESTS), threads=threads)
        try:
            return [run_probe(program.command(), orders, timeout_s=timeout_s(budget, orders))]
        except ProbeFailed:
            return []  # no advice from it

    report = make_report(
        candidate,
        budget,
        facts=facts,
        probed=probed,
        validity=validity,
        results=results,
        moments=monitor.states,
        cache_dropped=cache_dropped,
        soaked=soaked,
        measure_threads=None if elsewhere else with_threads,
        estimate=estimate,
    )

    report = dataclasses.replace(report, more=known.processes[len(probed.processes) :])

    def another() -> Sequence[ProbeResult]:
        nonlocal known
        before = len(known.processes)
        known = more_processes(known, "to tell a change from luck")
        return known.processes[before:] if known.problem is None else ()

    if options.against is None:
        return report
    return dataclasses.replace(report, comparison=compare_in_looks(options.against, report, another=another))


def _estimate(candidate: Candidate, budget: Budget, backend: Backend) -> tuple[Estimate | None, str]:
    """The board's times by a model, or why there are none."""
    try:
        return estimate_modelled(candidate.bundle, budget, backend=backend), ""
    except Unmodelled as reason:
        return None, str(reason)


def make_report(
    candidate: Candidate,
    budget: Budget,
    *,
    facts: DeviceFacts,
    probed: Measurements,
    validity: Validity | None,
    results: Sequence[LimitResult],
    moments: Sequence[MachineState] = (),
    cache_dropped: bool = False,
    soaked: Soak | None = None,
    measure_threads: Callable[[int], Sequence[ProbeResult]] | None = None,
    estimate: Estimate | None = None,
) -> BudgetReport:
    """Everything that was found as one object. What the probes timed is the device's own only on the device; elsewhere
    it stands apart, and where their clock counted instructions it is not summarised as if it were milliseconds."""
    verdict, weakest = overall(results)
    apart = tuple(differences(facts, budget.device))
    counted = estimate is not None and estimate.source == "counted"
    cold_start = None if counted else cold_start_of(probed.processes, cache_dropped=cache_dropped)
    own = None
    if apart and not counted and probed.processes:
        own = OwnTimes(times=_times(probed, budget, limited=False), cold_start=cold_start)
    ledger = None if probed.memory is None else make_ledger(probed.memory)
    return BudgetReport(
        schema=SCHEMA,
        tinylm=tinylm.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        bundle=BundleId(name=candidate.name, sha256=candidate.sha256, kind=candidate.kind, files=dict(candidate.files)),
        notes=(*candidate.notes, *_unseen(facts, moments)),
        budget=budget,
        device=Device(facts=facts, differences=apart),
        moments=tuple(moments),
        validity=validity,
        limits=tuple(results),
        times=() if apart else _times(probed, budget, limited=True),
        cold_start=None if apart else cold_start,
        own_times=own,
        ledger=ledger,
        soak=soaked,
        advice=advise(
            results,
            budget=budget,
            candidate=candidate,
            samples=probed.processes,
            ledger=ledger,
            cores=facts.cores,
            basis="indicative" if apart else "measured",
            measure_threads=measure_threads,
            estimate=estimate,
        ),
        samples=probed.processes,
        verdict=verdict,
        basis=weakest,
        estimate=estimate,
    )


def _unseen(facts: DeviceFacts, moments: Sequence[MachineState]) -> tuple[str, ...]:
    """What a Raspberry Pi would tell and did not: a quiet report is not the same as a quiet board."""
    if not facts.model.startswith("Raspberry Pi") or any(moment.throttled is not None for moment in moments):
        return ()
    return ("throttling and under-voltage could not be seen: `vcgencmd` gave no answer; `tinylm doctor` says why",)


def _times(probed: Measurements, budget: Budget, *, limited: bool) -> tuple[TimeSummary, ...]:
    """Latency, first token and time per token; `limited` says whether the budget's limits are about them."""
    limits, processes = budget.limits, probed.processes
    rows = (
        ("latency_p95_ms", limits.latency_p95_ms, [p.latency_ms for p in processes]),
        ("ttft_p95_ms", limits.ttft_p95_ms, [p.ttft_ms for p in processes]),
        ("itl_p95_ms", limits.itl_p95_ms, [p.itl_ms for p in processes]),
    )
    found = (
        summarise_times(name, values, limit=limit if limited else None, confidence=budget.confidence)
        for name, limit, values in rows
    )
    return tuple(summary for summary in found if summary is not None)
