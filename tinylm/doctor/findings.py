"""All findings in order: what the machine is, then its system, its software, the bundle, the budget."""

from __future__ import annotations

from tinylm.budget.spec.budget import Budget
from tinylm.doctor.bundle_rules import BundleFacts, budget_findings, bundle_findings
from tinylm.doctor.finding import Finding
from tinylm.doctor.hardware_rules import hardware_findings
from tinylm.doctor.software_rules import software_findings
from tinylm.doctor.system_rules import system_findings
from tinylm.machine.facts import Facts


def find_all(facts: Facts, *, bundle: BundleFacts | None = None, budget: Budget | None = None) -> tuple[Finding, ...]:
    """Every finding, those that are `ok` too: what was looked at must be seen. Pure."""
    return (
        *hardware_findings(facts),
        *system_findings(facts),
        *software_findings(facts),
        *(bundle_findings(facts, bundle) if bundle else ()),
        *(budget_findings(facts, budget) if budget else ()),
    )
