"""The whole check in order: what machine is this, measure in rounds, decide, report."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from tinylm.budget.device import Basis, device_facts, differences
from tinylm.budget.probing import Probed, probe_command, probe_more
from tinylm.budget.report import SCHEMA, BundleId, Device, Report, make_ledger, summarise
from tinylm.budget.spec import Budget
from tinylm.budget.validity import judge_validity
from tinylm.budget.verdict import judge, open_quantiles, overall
from tinylm.bundle import Bundle
from tinylm.runtime.probe_contract import Backend


def check_bundle(
    bundle: Bundle,
    budget: Budget,
    *,
    announce: Callable[[str], None],
    command: Sequence[str] | None = None,
    backend: Backend = "auto",
) -> Report:
    """Measure `bundle` on this machine against `budget`.

    `announce` gets a line of progress before each step. `command` starts a probe, by default this tinylm's own, and
    `backend` is what runs the model in it.
    TinylmError when the bundle cannot take the budget's request at all.
    """
    facts = device_facts()
    different = differences(facts, budget.device)
    basis: Basis = "indicative" if different else "measured"
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    probed = Probed()
    for look in budget.confidence.looks:
        probed = probe_more(
            probed,
            until=look,
            budget=budget,
            command=command or probe_command(bundle.path),
            announce=announce,
            backend=backend,
        )
        validity = judge_validity(probed.processes, load) if probed.processes else None
        results = judge(budget, bundle_bytes=bundle.size_bytes, probed=probed, validity=validity, basis=basis)
        if probed.problem is not None or not open_quantiles(results):
            break
    verdict, weakest = overall(results)
    return Report(
        schema=SCHEMA,
        bundle=BundleId(name=bundle.manifest.name, sha256=bundle.manifest_sha256),
        budget=budget,
        device=Device(facts=facts, differences=tuple(different)),
        validity=validity,
        limits=tuple(results),
        ledger=make_ledger(probed.processes),
        samples=summarise(probed.processes),
        verdict=verdict,
        basis=weakest,
    )
