"""A model of the default preset, trained here, on emulated boards, as a user calls it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.budget.report import read_report

Call = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.virtual_pi


@pytest.fixture(scope="module")
def trained(call: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run of a short training on the sample corpus."""
    folder = tmp_path_factory.mktemp("trained")
    done = call(folder, "train-pipeline", "--minutes", "0.7", "--output-dir", "run", timeout_s=600)
    assert done.returncode in (0, 3), done.stderr  # 3: a busy machine leaves its own p95 undecided
    return folder


@pytest.mark.parametrize("budget", ["pi-zero-2w", "pi-5"])
def test_a_trained_bundle_on_both_kinds_of_arm_core(trained: Path, call: Call, budget: str) -> None:
    """Cortex-A53 has no int8 dot products, Cortex-A76 has: the same tokens on both, and as here."""
    options = ("--virtual-pi", "--budget", budget, "--json")
    done = call(trained, "check-budgets", "run", *options, timeout_s=600)
    assert done.stdout, done.stderr
    report = read_report(json.loads(done.stdout), "the report")
    limits = {limit.name: limit for limit in report.limits}
    assert limits["golden_tokens"].measured == 0, limits["golden_tokens"].evidence
    assert limits["bpb_increase"].verdict == "pass"
    memory = limits["peak_rss_mb"].measured
    assert memory is not None
    assert 10 < memory < 30  # Python, its libraries, and the weights once
    (probe,) = report.samples
    assert probe.verification is not None
    assert probe.verification.tokens >= 8
    assert {limit.verdict for limit in limits.values()} <= {"pass", "undecided"}
    assert done.returncode == (0 if report.verdict == "pass" else 3)


def test_a_program_on_a_system_without_python(trained: Path, call: Call) -> None:
    """The file alone is copied; its probes answer there what they answer here."""
    made = call(trained, "export", "run/bundle", "--standalone", "pi-zero-2w", "--output", "hello", timeout_s=600)
    assert made.returncode == 0, made.stderr
    done = call(trained, "check-budgets", "hello", "--virtual-pi", "--json", timeout_s=600)
    assert done.stdout, done.stderr
    report = read_report(json.loads(done.stdout), "the report")
    limits = {limit.name: limit for limit in report.limits}
    assert limits["golden_tokens"].measured == 0, limits["golden_tokens"].evidence
    assert limits["bpb_increase"].verdict == "pass"
    assert report.device.facts.python == "none"
    memory = limits["peak_rss_mb"].measured
    assert memory is not None
    assert memory < 4
    assert done.returncode == (0 if report.verdict == "pass" else 3)
