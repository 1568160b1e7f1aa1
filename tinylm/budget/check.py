"""The whole check in order: what machine is this, measure in rounds, look inside, decide, advise, report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.base.termination import ended_by_signals
from tinylm.budget.advice import advise
from tinylm.budget.compare.comparison import LOOKS, compare_in_looks
from tinylm.budget.compare.timed_change import well_known
from tinylm.budget.enforce import enforce
from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.estimate.instructions import estimate_modelled
from tinylm.budget.estimate.work import Unmodelled
from tinylm.budget.judge.elsewhere import judge_elsewhere
from tinylm.budget.judge.times import TimeSummary, summarise_times
from tinylm.budget.judge.validity import Validity, judge_validity
from tinylm.budget.judge.verdict import LimitResult, judge, open_quantiles, overall
from tinylm.budget.measure.cold_start import drop_from_cache
from tinylm.budget.measure.conditions import MachineMonitor, MachineState
from tinylm.budget.measure.memory_ledger import make_ledger
from tinylm.budget.measure.probes import (
    INTERPRETER,
    Measurements,
    ProbeFailed,
    ProbeRunner,
    measure_latency,
    measure_memory,
)
from tinylm.budget.report import SCHEMA, BudgetReport, BundleId, Device, OwnTimes, cold_start_of
from tinylm.budget.soak import judge_soak, run_soak
from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.candidate import Candidate, bundle_candidate
from tinylm.budget.spec.device import Basis, differences
from tinylm.budget.statistics.binomial import observed
from tinylm.bundle.reading import Bundle
from tinylm.machine.device import DeviceFacts, device_facts
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.measurement.protocol import ProbeResult

_THREADS_REQUESTS = 24
"""Of the short probe that tries one thread more."""

Announce = Callable[[str], None]
"""Takes a line of progress before each step."""


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What a check does beyond what the budget says."""

    backend: Backend = "auto"
    """What runs the model in the probes."""
    soak_minutes: float | None = None
    """How long to go on without a pause."""
    enforce: bool = False
    """Also run under the kernel's own memory limit."""
    serve: bool = False
    """Measure the serving process, over HTTP, in place of the runtime alone; bundles only."""
    against: BudgetReport | None = None
    """Also compare with this earlier report of this machine."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a program's probes run, when that is not this machine."""

    facts: DeviceFacts
    monitor: MachineMonitor
    run: Callable[[Sequence[str]], list[str]]
    """Makes of a command of this machine the one that runs it there."""
    cache_dropped: bool


def check_bundle(
    bundle: Bundle,
    budget: Budget,
    *,
    announce: Announce,
    options: CheckOptions | None = None,
    interpreter: tuple[str, ...] = INTERPRETER,
) -> BudgetReport:
    """`check_candidate` for a bundle."""
    candidate = bundle_candidate(bundle)
    return check_candidate(candidate, budget, announce=announce, options=options, interpreter=interpreter)


def check_candidate(
    candidate: Candidate,
    budget: Budget,
    *,
    announce: Announce,
    options: CheckOptions | None = None,
    interpreter: tuple[str, ...] = INTERPRETER,
    place: Place | None = None,
) -> BudgetReport:
    """Measure `candidate` on this machine, or at `place`, against `budget`; `interpreter` starts the probes' modules.

    TinylmError when it cannot take the budget's request at all, or cannot be served and should be. Told to end, also by
    a signal, it takes its probes along.
    """
    with ended_by_signals():
        options = options or CheckOptions()
        if options.serve and (candidate.kind != "bundle" or place is not None):
            raise TinylmError(
                f"`--serve` is for bundles on this machine, and `{candidate.path}` is a {candidate.kind}",
                "leave `--serve` out",
            )
        if place is not None:
            probes = ProbeRunner(candidate=candidate, budget=budget, elsewhere=place.run)
            measured = Measurements(cache_dropped=place.cache_dropped)
            return _check(_Here(candidate, budget, options.backend, place), probes, measured, announce, options)
        here = _Here(candidate, budget, options.backend, serve=options.serve)
        probes = ProbeRunner(
            candidate=candidate, budget=budget, backend=options.backend, interpreter=interpreter, serve=options.serve
        )
        announce("a first start, its files out of the cache")
        with ProgressBar("dropping them", say=announce):  # thousands of files, on a card that may be slow
            measured = Measurements(cache_dropped=drop_from_cache(candidate.path, serve=options.serve))
        return _check(here, probes, measured, announce, options)


def _check(
    here: _Here, probes: ProbeRunner, measured: Measurements, announce: Announce, options: CheckOptions
) -> BudgetReport:
    candidate, budget = probes.candidate, probes.budget
    here.monitor.sample()

    # Elsewhere, more than the first look's requests would only decide a p95 that does not count.
    for look in budget.confidence.looks[:1] if here.elsewhere else budget.confidence.looks:
        measured = measure_latency(measured, until=look, probes=probes, announce=announce, monitor=here.monitor)
        if measured.problem is not None or not open_quantiles(here.judge(measured)):
            break
    steady = _until_steady(measured, probes, announce)
    if measured.problem is None:
        measured = _measure_memory(measured, probes, announce)
        here.monitor.sample()

    results = here.judge(measured)
    if options.enforce:
        results.append(enforce(probes, basis=here.basis, announce=announce))
    soaked = None
    if options.soak_minutes is not None and measured.problem is None:
        soaked = run_soak(
            probes,
            minutes=options.soak_minutes,
            warm=measured.processes,
            monitor=here.monitor,
            cores=here.facts.cores,
            announce=announce,
        )
        results += here.on_the_device([judge_soak(soaked, budget, here.basis)])

    report = make_report(
        candidate,
        budget,
        facts=here.facts,
        measured=measured,
        validity=here.validity(measured),
        results=results,
        states=here.monitor.states,
        estimate=here.estimate,
        serve=probes.serve,
    )
    measure_threads = None if here.elsewhere else lambda threads: _with_threads(threads, probes, announce)
    report = replace(
        report,
        soak=soaked,
        more=steady.processes[len(measured.processes) :],
        advice=advise(report, candidate, measure_threads=measure_threads),
    )
    if options.against is None:
        return report
    rounds = _more_rounds(steady, probes, announce)
    return replace(report, comparison=compare_in_looks(options.against, report, rounds=rounds))


class _Here:
    """The machine that a check runs on, this one or that at `place`, and what its measurements mean for the budget."""

    def __init__(
        self,
        candidate: Candidate,
        budget: Budget,
        backend: Backend,
        place: Place | None = None,
        *,
        serve: bool = False,
    ) -> None:
        self._candidate, self._budget = candidate, budget
        self._load_average = round(os.getloadavg()[0], 2) if place is None and hasattr(os, "getloadavg") else None
        self.facts = device_facts() if place is None else place.facts
        self._watches_others = place is None
        self.elsewhere = bool(differences(self.facts, budget.device))
        self.estimate: Estimate | None = None
        self._why_not = ""  # there is no estimate of the device's times
        if self.elsewhere:
            try:
                if candidate.program is not None:
                    raise Unmodelled("the budget does not say which processor its device has; run this check there")
                self.estimate = estimate_modelled(candidate.bundle, budget, backend=backend, serve=serve)
            except Unmodelled as reason:
                self._why_not = str(reason)
        self.monitor = MachineMonitor() if place is None else place.monitor

    @property
    def basis(self) -> Basis:
        return "indicative" if self.elsewhere else "measured"

    def validity(self, measured: Measurements) -> Validity | None:
        """What disturbed the measurements so far; None when there are none."""
        if not measured.processes:
            return None
        return judge_validity(
            measured.processes,
            memory=measured.memory,
            states=self.monitor.states,
            busiest=self.monitor.busy_processes() if self._watches_others else (),
            cores=self.facts.cores,
            threads=self._budget.request.threads,
            governors=() if self.elsewhere else self._budget.device.governors,
            load_average=self._load_average,
        )

    def judge(self, measured: Measurements) -> list[LimitResult]:
        """The verdicts on what was measured so far."""
        validity = self.validity(measured)
        return self.on_the_device(
            judge(self._budget, candidate=self._candidate, measured=measured, validity=validity, basis=self.basis)
        )

    def on_the_device(self, results: list[LimitResult]) -> list[LimitResult]:
        """Results of this machine as those of the budget's device."""
        return judge_elsewhere(results, self.estimate, why_not=self._why_not) if self.elsewhere else results


def _until_steady(measured: Measurements, probes: ProbeRunner, announce: Announce) -> Measurements:
    """With more processes where these differ so much that a later comparison could not rely on them."""
    for _ in range(LOOKS[-1]):
        if measured.problem is not None or well_known(measured.processes, lambda process: process.latency_ms):
            break
        why = "as these differ much and a later comparison needs a steady figure"
        measured = _another_round(measured, probes, announce, why)
    return measured


def _more_rounds(measured: Measurements, probes: ProbeRunner, announce: Announce) -> Iterator[tuple[ProbeResult, ...]]:
    """Rounds of further processes for a comparison, until one fails."""
    while True:
        before = len(measured.processes)
        measured = _another_round(measured, probes, announce, "to tell a change from luck")
        if measured.problem is not None:
            return
        yield measured.processes[before:]


def _another_round(measured: Measurements, probes: ProbeRunner, announce: Announce, why: str) -> Measurements:
    announce(f"more processes, {why}")
    until = measured.requests + probes.budget.confidence.looks[0]
    return measure_latency(measured, until=until, probes=probes, announce=announce)


def _measure_memory(measured: Measurements, probes: ProbeRunner, announce: Announce) -> Measurements:
    requests = probes.budget.confidence.memory_requests
    typical_ms = observed([value for process in measured.processes for value in process.latency_ms], 0.5)
    announce(f"where the memory goes, over {requests} requests: about {requests * typical_ms / 1e3:.0f} s")
    with ProgressBar("memory", say=announce):
        return measure_memory(measured, probes=probes)


def _with_threads(threads: int, probes: ProbeRunner, announce: Announce) -> Sequence[ProbeResult]:
    announce(f"{_THREADS_REQUESTS} requests with {threads} threads, for advice")
    try:
        return [probes.run(replace(probes.orders(requests=_THREADS_REQUESTS), threads=threads))]
    except ProbeFailed:
        return []  # no advice from it


def make_report(
    candidate: Candidate,
    budget: Budget,
    *,
    facts: DeviceFacts,
    measured: Measurements,
    validity: Validity | None,
    results: Sequence[LimitResult],
    states: Sequence[MachineState] = (),
    estimate: Estimate | None = None,
    serve: bool = False,
) -> BudgetReport:
    """Everything that was found as one object, without advice. What the probes timed is the device's own only on the
    device; elsewhere it stands apart, and where their clock counted instructions it is not summarised as if it were
    milliseconds."""
    verdict, weakest = overall(results)
    apart = tuple(differences(facts, budget.device))
    counted = estimate is not None and estimate.source == "counted"
    cold_start = None if counted else cold_start_of(measured.processes, cache_dropped=measured.cache_dropped)
    own = None
    if apart and not counted and measured.processes:
        own = OwnTimes(times=_times(measured, budget, limited=False), cold_start=cold_start)
    return BudgetReport(
        schema=SCHEMA,
        tinylm=tinylm.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        bundle=BundleId(name=candidate.name, sha256=candidate.sha256, kind=candidate.kind, files=dict(candidate.files)),
        notes=(*candidate.notes, *_unseen(facts, states)),
        budget=budget,
        device=Device(facts=facts, differences=apart),
        moments=tuple(states),
        validity=validity,
        limits=tuple(results),
        times=() if apart else _times(measured, budget, limited=True),
        cold_start=None if apart else cold_start,
        own_times=own,
        ledger=None if measured.memory is None else make_ledger(measured.memory),
        soak=None,
        advice=(),
        samples=measured.processes,
        verdict=verdict,
        basis=weakest,
        estimate=estimate,
        process="server" if serve else "probe",
    )


def _unseen(facts: DeviceFacts, states: Sequence[MachineState]) -> tuple[str, ...]:
    """What a Raspberry Pi would tell and did not: a quiet report is not the same as a quiet board."""
    if not facts.model.startswith("Raspberry Pi") or any(state.throttled is not None for state in states):
        return ()
    return ("throttling and under-voltage could not be seen: `vcgencmd` gave no answer; `tinylm doctor` says why",)


def _times(measured: Measurements, budget: Budget, *, limited: bool) -> tuple[TimeSummary, ...]:
    """Latency, first token and time per token; `limited` says whether the budget's limits are about them."""
    limits, processes = budget.limits, measured.processes
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
