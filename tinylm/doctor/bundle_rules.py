"""Findings about a bundle on this machine, and about the machine as a budget's device. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tinylm.budget.spec.budget import Budget
from tinylm.budget.spec.device import differences
from tinylm.doctor.finding import Finding, note, ok, problem, warning, worst
from tinylm.doctor.software_rules import numbers
from tinylm.machine.device import device_of
from tinylm.machine.facts import Facts
from tinylm.machine.processor import RELEVANT_FLAGS
from tinylm.onnx.kernel_audit import AuditRow


@dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """What a bundle asks for, and what its graph does."""

    path: str
    name: str
    sha256: str
    """Of the manifest."""
    size_mb: float
    minimum_versions: dict[str, str]
    cpu_features: tuple[str, ...]
    operators: tuple[AuditRow, ...]
    """The op audit on this machine's processor."""


def bundle_findings(facts: Facts, bundle: BundleFacts) -> Iterator[Finding]:
    yield ok("bundle", f"{bundle.name}, {bundle.size_mb:.2f} MB, whole: {bundle.path}")
    yield from _needs(facts, bundle)
    native = facts.software.native
    serves = native is not None and native.outcome == "ok"
    for finding in _operators(bundle.operators):
        yield _elsewhere(finding) if serves and finding.level != "ok" else finding


def _elsewhere(finding: Finding) -> Finding:
    """A finding about ONNX Runtime's kernels where the native engine runs the bundle: good to know, no more."""
    why = "; ".join(filter(None, (finding.why, "the native engine, which runs models here, has none of these kernels")))
    return replace(finding, level="note", what=f"in ONNX Runtime, {finding.what}", why=why, what_to_do="")


def budget_findings(facts: Facts, budget: Budget) -> Iterator[Finding]:
    different = differences(device_of(facts), budget.device)
    if different:
        yield note(
            "budget",
            f"not the device of {budget.name}: " + "; ".join(different),
            why="`tinylm check-budgets` estimates its times here; memory is indicative only",
        )
    else:
        yield ok("budget", f"this is a device of {budget.name}")
    available, limit = facts.memory.available_mb, budget.limits.peak_rss_mb
    if available is not None and available < limit:
        yield warning(
            "budget",
            f"{budget.name} allows a process {limit:.0f} MB; {available:.0f} MB are available",
            why="a model that uses its whole budget would swap here, or be killed",
            what_to_do="stop other services, or lower `peak_rss_mb` in a budget of your own",
        )


def _needs(facts: Facts, bundle: BundleFacts) -> Iterator[Finding]:
    installed = {trial.module: trial.version for trial in facts.software.trials}
    for library, least in sorted(bundle.minimum_versions.items()):
        version = installed.get(library)
        if version is not None and numbers(version) < numbers(least):
            yield problem(
                "bundle",
                f"needs {library} {least} or newer; {version} is installed",
                why="the runtime refuses to load it",
                what_to_do=f"pip install '{library}>={least}'",
            )
    isa = facts.processor.isa
    missing = [flag for flag in bundle.cpu_features if flag in RELEVANT_FLAGS and isa is not None and flag not in isa]
    if missing:
        yield problem(
            "bundle",
            "needs processor features that are not here: " + ", ".join(missing),
            why="the runtime refuses to load it",
            what_to_do="export the bundle for this device, or use another device",
        )


def _operators(rows: Sequence[AuditRow]) -> Iterator[Finding]:
    """One finding for all that is well, and one for each operator that is not."""
    products = [row for row in rows if row.weights is not None]
    total, integer = sum(row.count for row in products), sum(row.count for row in products if row.integer)
    kernels = ", ".join(sorted({row.kernel for row in products if row.integer}))
    if not products:
        yield note("operators", "the graph has no matrix products with weights")
    elif worst(row.level for row in rows) == "ok":
        yield ok("operators", f"{integer} of {total} matrix products are integer: {kernels}")
    for row in rows:
        if row.level != "ok":
            yield Finding(
                check="operators",
                level=row.level,
                what=f"{row.count} x {row.op}{f' ({row.detail})' if row.detail else ''}: {row.kernel}",
                why=row.reason,
                what_to_do=_ADVICE.get(row.level, ""),
            )


_ADVICE = {
    "warning": "compare with `tinylm bundle verify` and `tinylm check-budgets` on this very machine",
    "problem": "export the model again with `tinylm export --int8`: its products are integer on every board",
}
