"""Facts and findings as one object: the table, `--json` and the exit code are all made from it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from tinylm.base.records import check_schema, read
from tinylm.doctor.bundle_rules import BundleFacts
from tinylm.doctor.finding import Finding, worst
from tinylm.machine.facts import Facts
from tinylm.onnx.kernels import Level

SCHEMA = "1.0"


@dataclass(frozen=True, kw_only=True)
class Report:
    schema: str
    tinylm_version: str
    facts: Facts
    bundle: BundleFacts | None
    budget: str | None
    """Name of the budget that the machine was compared with."""
    findings: tuple[Finding, ...]
    level: Level
    """The worst of the findings."""


def make_report(
    facts: Facts, *, bundle: BundleFacts | None, budget: str | None, findings: tuple[Finding, ...], version: str
) -> Report:
    return Report(
        schema=SCHEMA,
        tinylm_version=version,
        facts=facts,
        bundle=bundle,
        budget=budget,
        findings=findings,
        level=worst(finding.level for finding in findings),
    )


def to_json(report: Report) -> str:
    """The report as one JSON document."""
    return json.dumps(dataclasses.asdict(report), ensure_ascii=False, allow_nan=False, indent=1)


def read_report(data: object, where: str) -> Report:
    """The report in a decoded JSON document; TinylmError for anything that is none, or newer than this reader."""
    check_schema(data, major=1, where=where)
    return read(Report, data, where)


def exit_code(report: Report) -> int:
    """0: nothing worse than a warning. 1: a problem."""
    return 1 if report.level == "problem" else 0
