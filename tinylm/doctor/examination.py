"""The whole examination: read the facts, open and audit the bundle, apply the rules.

The table, `--json` and the exit code are all made from an `Examination`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.budget.spec.budget import Budget
from tinylm.bundle.reading import open_bundle
from tinylm.bundle.store import find_bundle
from tinylm.doctor.bundle_rules import BundleFacts, budget_findings, bundle_findings
from tinylm.doctor.engine_rules import engine_findings
from tinylm.doctor.finding import Finding, note, problem, worst
from tinylm.doctor.hardware_rules import hardware_findings
from tinylm.doctor.program_rules import ProgramFacts, program_findings
from tinylm.doctor.software_rules import software_findings
from tinylm.doctor.system_rules import system_findings
from tinylm.emulation.program_file import family_of
from tinylm.machine.facts import Facts, Processor
from tinylm.machine.gather import read_facts
from tinylm.native.standalone_file import read_standalone
from tinylm.onnx.graph_file import read_onnx
from tinylm.onnx.kernel_audit import audit
from tinylm.onnx.kernels import Cpu, Level

SCHEMA = "1.3"
"""1.3 added `program`."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What a machine is, and what was found of it."""

    schema: str
    tinylm_version: str
    facts: Facts
    bundle: BundleFacts | None
    program: ProgramFacts | None
    """A standalone program that was named instead of a bundle."""
    budget: str | None
    """Name of the budget that the machine was compared with."""
    findings: tuple[Finding, ...]
    level: Level
    """The worst of the findings."""

    @property
    def exit_code(self) -> int:
        """0: nothing worse than a warning. 1: a problem."""
        return 1 if self.level == "problem" else 0


def examine(
    *, bundle: Path | None, budget: Budget | None, announce: Callable[[str], None], facts: Facts | None = None
) -> Examination:
    """Examine this machine, or the one that `facts` were recorded on.

    `bundle` may be a standalone program too. What is named and cannot be used is a TinylmError. Without a name the
    latest run's bundle is taken: none is a note, and a damaged one a problem, because the rest of the examination is
    worth having.
    """
    program = program_facts(bundle) if bundle is not None and family_of(bundle) is not None else None
    opened = None if program else bundle and find_bundle(bundle)
    missing: list[Finding] = []
    if opened is None and program is None:
        try:
            opened = find_bundle(None)
        except TinylmError:
            what = "none named and none in `runs/`: no graph was looked at"
            missing = [note("bundle", what, what_to_do="tinylm doctor BUNDLE")]
    if bundle is not None and opened is not None:
        open_bundle(opened)  # refused before anything takes time
    facts = facts or read_facts(announce=announce)
    audited = None
    if opened is not None:
        try:
            audited = bundle_facts(opened, facts.processor)
        except TinylmError as error:
            if bundle is not None:
                raise
            why = "the latest run's bundle cannot be used"
            missing = [problem("bundle", error.message, why=why, what_to_do=error.hint or "tinylm export")]
    findings = (*find_all(facts, bundle=audited, program=program, budget=budget), *missing)
    return Examination(
        schema=SCHEMA,
        tinylm_version=tinylm.__version__,
        facts=facts,
        bundle=audited,
        program=program,
        budget=budget.name if budget else None,
        findings=findings,
        level=worst(finding.level for finding in findings),
    )


def bundle_facts(path: Path, processor: Processor) -> BundleFacts:
    """Verify a bundle and audit its graph on a processor; TinylmError when the bundle or its graph is refused."""
    opened = open_bundle(path)
    isa = None if processor.isa is None else frozenset(processor.isa)
    rows = audit(read_onnx(opened.model), Cpu(arch=processor.arch, isa=isa))
    return BundleFacts(
        path=str(path),
        name=opened.manifest.name,
        sha256=opened.manifest_sha256,
        size_mb=round(opened.size_bytes / 1e6, 3),
        minimum_versions=opened.manifest.minimum_versions,
        cpu_features=opened.manifest.cpu_features,
        operators=rows,
    )


def program_facts(path: Path) -> ProgramFacts:
    """Read a standalone program, and where it lies; TinylmError when it is damaged or tinylm did not make it."""
    found = read_standalone(path)
    return ProgramFacts(
        path=str(path),
        name=found.name,
        sha256=found.sha256,
        size_mb=round(found.size_bytes / 1e6, 3),
        family=found.family,
        permitted=os.access(path, os.X_OK),
        no_execution=bool(os.statvfs(path).f_flag & os.ST_NOEXEC),
    )


def find_all(
    facts: Facts,
    *,
    bundle: BundleFacts | None = None,
    program: ProgramFacts | None = None,
    budget: Budget | None = None,
) -> tuple[Finding, ...]:
    """Every finding, those that are `ok` too: what was looked at must be seen. Pure."""
    return (
        *hardware_findings(facts),
        *system_findings(facts),
        *software_findings(facts),
        *engine_findings(facts),
        *(bundle_findings(facts, bundle) if bundle else ()),
        *(program_findings(facts, program) if program else ()),
        *(budget_findings(facts, budget) if budget else ()),
    )
