"""The whole check in order: what machine is this, measure in rounds, decide, report."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence

from tinylm.budget.candidate import Candidate, bundle_candidate
from tinylm.budget.device import Basis, DeviceFacts, device_facts, differences
from tinylm.budget.estimate import Estimate
from tinylm.budget.probing import Probed, probe_command, probe_more
from tinylm.budget.report import SCHEMA, BundleId, Device, Report, make_ledger, summarise
from tinylm.budget.spec import Budget
from tinylm.budget.validity import Validity, judge_validity
from tinylm.budget.verdict import LimitResult, judge, open_quantiles, overall
from tinylm.bundle import Bundle
from tinylm.runtime.contract import Backend


def check_bundle(
    bundle: Bundle,
    budget: Budget,
    *,
    announce: Callable[[str], None],
    command: Sequence[str] | None = None,
    backend: Backend = "auto",
) -> Report:
    """`check_candidate` for a bundle."""
    return check_candidate(bundle_candidate(bundle), budget, announce=announce, command=command, backend=backend)


def check_candidate(
    candidate: Candidate,
    budget: Budget,
    *,
    announce: Callable[[str], None],
    command: Sequence[str] | None = None,
    backend: Backend = "auto",
) -> Report:
    """Measure `candidate` on this machine against `budget`.

    `announce` gets a line of progress before each step. `command` starts a probe, by default this tinylm's own, and
    `backend` is what runs the model in it.
    TinylmError when it cannot take the budget's request at all.
    """
    facts = device_facts()
    basis: Basis = "indicative" if differences(facts, budget.device) else "measured"
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    probed = Probed()
    for look in budget.confidence.looks:
        probed = probe_more(
            probed,
            until=look,
            budget=budget,
            command=command or probe_command(candidate.path),
            announce=announce,
            backend=backend,
            golden=candidate.golden,
            decoder=candidate.decoder,
        )
        validity = judge_validity(probed.processes, load) if probed.processes else None
        results = candidate.applicable(
            judge(budget, bundle_bytes=candidate.size_bytes, probed=probed, validity=validity, basis=basis)
        )
        if probed.problem is not None or not open_quantiles(results):
            break
    return make_report(candidate, budget, facts=facts, probed=probed, validity=validity, results=results)


def make_report(
    candidate: Candidate,
    budget: Budget,
    *,
    facts: DeviceFacts,
    probed: Probed,
    validity: Validity | None,
    results: Sequence[LimitResult],
    estimate: Estimate | None = None,
) -> Report:
    """Everything that was found as one object. With an `estimate`, the probes' clock counted instructions: what they
    measured stays to be read, but is not summarised as if it were the device's milliseconds."""
    verdict, weakest = overall(results)
    samples = summarise(probed.processes)
    if estimate is not None:
        samples = dataclasses.replace(samples, latency_ms=None, ttft_ms=None, itl_ms=None)
    return Report(
        schema=SCHEMA,
        bundle=BundleId(name=candidate.name, sha256=candidate.sha256, kind=candidate.kind, files=dict(candidate.files)),
        budget=budget,
        device=Device(facts=facts, differences=tuple(differences(facts, budget.device))),
        validity=validity,
        limits=tuple(results),
        ledger=make_ledger(probed.processes),
        samples=samples,
        verdict=verdict,
        basis=weakest,
        estimate=estimate,
        notes=candidate.notes,
    )
