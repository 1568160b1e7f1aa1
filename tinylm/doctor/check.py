"""The whole examination in order: read the facts, open and audit the bundle, find, report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.budget.spec.budget import Budget
from tinylm.bundle.manifest import open_bundle
from tinylm.bundle.store import find_bundle
from tinylm.doctor.bundle_rules import BundleFacts
from tinylm.doctor.finding import Finding
from tinylm.doctor.findings import find_all
from tinylm.doctor.report import Report, make_report
from tinylm.machine.facts import Facts, Processor
from tinylm.machine.gather import read_facts
from tinylm.onnx.graph_file import read_onnx
from tinylm.onnx.kernel_audit import audit
from tinylm.onnx.kernels import Cpu


def examine(
    *, bundle: Path | None, budget: Budget | None, announce: Callable[[str], None], facts: Facts | None = None
) -> Report:
    """Examine this machine, or the one that `facts` were recorded on.

    A bundle that is named and cannot be used is a TinylmError. Without a name the latest run's bundle is taken: none is
    a note, and a damaged one a problem, because the rest of the examination is worth having.
    """
    opened = bundle and find_bundle(bundle)
    missing: list[Finding] = []
    if opened is None:
        try:
            opened = find_bundle(None)
        except TinylmError:
            what = "none named and none in `runs/`: no graph was looked at"
            missing = [Finding(check="bundle", level="note", what=what, what_to_do="tinylm doctor BUNDLE")]
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
            missing = [_unusable(error)]
    findings = (*find_all(facts, bundle=audited, budget=budget), *missing)
    return make_report(
        facts,
        bundle=audited,
        budget=budget.name if budget else None,
        findings=findings,
        version=tinylm.__version__,
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


def _unusable(error: TinylmError) -> Finding:
    return Finding(
        check="bundle",
        level="problem",
        what=error.message,
        why="the latest run's bundle cannot be used",
        what_to_do=error.hint or "tinylm export",
    )
