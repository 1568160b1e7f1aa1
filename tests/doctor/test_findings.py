"""Recorded facts to findings: the four boards as they come, and each thing that can be wrong with one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tinylm
from tinylm.budget.spec.budget import load_budget
from tinylm.doctor.bundle_rules import BundleFacts
from tinylm.doctor.examination import examine, find_all
from tinylm.doctor.finding import Finding, worst
from tinylm.machine.facts import Facts
from tinylm.machine.software import WANTED
from tinylm.onnx.kernel_audit import AuditRow

BOARDS = Path(__file__).parent / "boards"
NAMES = ("pi-zero-2w", "pi-3b-plus", "pi-4", "pi-5")
VARIANTS: list[dict[str, Any]] = json.loads((BOARDS / "variants.json").read_text(encoding="utf-8"))
Recorded = Callable[..., Facts]


def levels(findings: tuple[Finding, ...]) -> dict[str, str]:
    checks = {finding.check for finding in findings}
    return {check: worst(finding.level for finding in findings if finding.check == check) for check in checks}


@pytest.mark.parametrize("name", NAMES)
def test_a_board_as_it_comes(name: str, recorded: Recorded) -> None:
    expected = json.loads((BOARDS / f"{name}.json").read_text(encoding="utf-8"))["levels"]
    assert levels(find_all(recorded(name))) == expected
    assert examine(bundle=None, budget=None, announce=len, facts=recorded(name)).exit_code == 0


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant["name"])
def test_what_can_be_wrong(variant: dict[str, Any], recorded: Recorded) -> None:
    facts = recorded(variant["board"], variant["change"])
    findings = [finding for finding in find_all(facts) if finding.check == variant["check"]]
    matching = [finding for finding in findings if variant["what"] in finding.what]
    assert [finding.level for finding in matching] == [variant["level"]], findings
    if variant["level"] == "problem":
        assert examine(bundle=None, budget=None, announce=len, facts=facts).exit_code == 1


def test_all_eight_bits_at_once(recorded: Recorded) -> None:
    findings = find_all(recorded("pi-4", {"firmware": {"throttled": 0xF000F}}))
    bits = [finding for finding in findings if finding.check == "throttling"]
    assert [finding.level for finding in bits] == ["problem"] * 3 + ["warning"] + ["note"] * 4
    assert len({finding.what for finding in bits}) == 8
    before = find_all(recorded("pi-4", {"firmware": {"throttled": 0xF0000}}))
    assert [finding.level for finding in before if finding.check == "throttling"] == ["warning"] * 4


def test_a_budgets_device(recorded: Recorded) -> None:
    zero = recorded("pi-zero-2w")
    own = [f for f in find_all(zero, budget=load_budget("pi-zero-2w")) if f.check == "budget"]
    assert [finding.level for finding in own] == ["ok", "warning"]
    assert "allows a process 400 MB; 296 MB are available" in own[1].what
    other = [f for f in find_all(zero, budget=load_budget("pi-5")) if f.check == "budget"]
    assert other[0].level == "note"
    assert "lacks asimddp" in other[0].what
    assert levels(find_all(recorded("pi-5"), budget=load_budget("pi-5")))["budget"] == "ok"


def bundle(**changed: object) -> BundleFacts:
    values: dict[str, Any] = {
        "path": "runs/a/bundle",
        "name": "a",
        "sha256": "0",
        "size_mb": 1.9,
        "minimum_versions": {"onnxruntime": "1.22.0"},
        "cpu_features": (),
        "operators": (),
    }
    return BundleFacts(**{**values, **changed})


def row(**changed: object) -> AuditRow:
    values: dict[str, Any] = {
        "op": "DynamicQuantizeMatMul",
        "count": 25,
        "weights": "int8",
        "detail": "",
        "kernel": "k",
        "integer": True,
        "level": "ok",
        "reason": "",
    }
    return AuditRow(**{**values, **changed})


def test_a_bundle_whose_products_are_integer(recorded: Recorded) -> None:
    findings = find_all(recorded("pi-4"), bundle=bundle(operators=(row(), row(op="MatMulInteger", count=2))))
    (operators,) = [finding for finding in findings if finding.check == "operators"]
    assert (operators.level, operators.what) == ("ok", "27 of 27 matrix products are integer: k")


def test_a_bundle_that_dequantizes(recorded: Recorded) -> None:
    slow = row(op="MatMulNBits", integer=False, level="problem", reason="every call", detail="accuracy level 4")
    operators = [f for f in find_all(recorded("pi-4"), bundle=bundle(operators=(slow,))) if f.check == "operators"]
    assert [(f.level, f.what) for f in operators] == [("problem", "25 x MatMulNBits (accuracy level 4): k")]


def test_a_bundle_that_needs_more_than_there_is(recorded: Recorded) -> None:
    asking = bundle(minimum_versions={"onnxruntime": "9.0"}, cpu_features=("asimddp",), operators=(row(),))
    problems = [f.what for f in find_all(recorded("pi-4"), bundle=asking) if f.check == "bundle" and f.level != "ok"]
    assert problems == [
        "needs onnxruntime 9.0 or newer; 1.31.1 is installed",
        "needs processor features that are not here: asimddp",
    ]


def test_versions_are_those_of_the_package() -> None:
    project = Path(tinylm.__file__).resolve().parents[1] / "pyproject.toml"
    wanted = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {f"{name}>={least}" for name, least in WANTED.items()} <= {line.partition(";")[0] for line in wanted}
