"""A standalone program is measured here, over ssh, or emulated, and is no program for another processor."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.budget.check import CheckOptions
from tinylm.budget.check_program import check_program, check_program_over_ssh
from tinylm.budget.measure.probes import ProbeRunner
from tinylm.budget.report import BudgetReport
from tinylm.budget.spec.budget import Budget, Confidence, DeviceMatch, load_budget
from tinylm.budget.spec.candidate import Candidate, program_candidate
from tinylm.bundle.reading import Bundle
from tinylm.emulation.emulator import INSTALL
from tinylm.emulation.processors import PROCESSORS
from tinylm.emulation.program_file import family_here
from tinylm.native.standalone_file import read_standalone

FEW = Confidence(looks=(124,), memory_requests=200)


def few(name: str, **limits: object) -> Budget:
    """A budget whose check takes seconds, and whose request fits the small models of these tests."""
    budget = load_budget(name)
    request = dataclasses.replace(budget.request, prompt_tokens=6, new_tokens=4)
    return dataclasses.replace(
        budget, request=request, confidence=FEW, limits=dataclasses.replace(budget.limits, **limits)
    )


def verdicts(report: BudgetReport) -> dict[str, tuple[str, str]]:
    return {result.name: (result.verdict, result.basis) for result in report.limits}


@pytest.fixture
def candidate(hello: Path) -> Candidate:
    return program_candidate(read_standalone(hello))


def quiet(line: str) -> None:
    pass


def test_here(candidate: Candidate) -> None:
    report = check_program(candidate, few("host", bpb_increase=None), announce=quiet)
    found = verdicts(report)
    assert found["golden_tokens"] == ("pass", "measured")
    assert found["bundle_mb"] == ("pass", "measured")
    # Whatever else this machine does meanwhile, its figures are its own.
    assert {basis for _, basis in found.values()} == {"measured"}
    assert report.bundle.kind == "program"
    assert report.bundle.sha256 == candidate.sha256
    assert list(report.bundle.files) == [candidate.path.name]
    peak = next(result.measured for result in report.limits if result.name == "peak_rss_mb")
    assert peak is not None
    assert peak < 8  # Python alone takes more
    assert report.ledger is not None


def test_the_orders_name_the_bundle_that_it_was_made_of(candidate: Candidate, tiny_bundle: Bundle) -> None:
    orders = ProbeRunner(candidate=candidate, budget=few("host")).orders(requests=1)
    assert orders.bundle_sha256 == tiny_bundle.manifest_sha256


@pytest.fixture
def emulated(make_program: Callable[..., Path], tiny_bundle: Bundle) -> Candidate:
    """The program for a Pi Zero W, whose processor is emulated."""
    if shutil.which(PROCESSORS["ARM1176"].emulator) is None:
        pytest.skip(INSTALL)
    return program_candidate(read_standalone(make_program(tiny_bundle, target="pi-zero-w")))


@pytest.mark.slow  # the first time, a C library is compiled for that processor
def test_emulated(emulated: Candidate) -> None:
    report = check_program(emulated, few("pi-zero-w"), announce=quiet)
    found = verdicts(report)
    assert found["golden_tokens"] == ("pass", "indicative")
    assert found["peak_rss_mb"] == ("pass", "indicative")
    assert found["latency_p95_ms"] == ("pass", "estimated")
    assert "growth_mb" not in found
    assert report.estimate is not None
    assert report.estimate.source == "counted"
    assert 1e5 < report.estimate.itl.instructions < 1e7
    again = check_program(emulated, few("pi-zero-w"), announce=quiet)
    assert again.estimate == report.estimate  # counts repeat to the last instruction
    peak = next(result.measured for result in report.limits if result.name == "peak_rss_mb")
    assert peak is not None
    assert 0.1 < peak < 3  # the emulator itself takes more


@pytest.mark.slow
def test_emulated_without_a_cost_model(emulated: Candidate) -> None:
    budget = dataclasses.replace(few("pi-zero-w"), estimate=None)
    report = check_program(emulated, budget, announce=quiet)
    latency = next(result for result in report.limits if result.name == "latency_p95_ms")
    assert latency.verdict == "not_measured"
    assert "no `[estimate]`" in latency.evidence


@pytest.mark.slow
def test_what_an_emulator_has_not(emulated: Candidate) -> None:
    with pytest.raises(TinylmError, match="no heat"):
        check_program(emulated, few("pi-zero-w"), announce=quiet, options=CheckOptions(enforce=True))


def test_a_program_for_another_processor(candidate: Candidate) -> None:
    wrong = "pi-zero-w" if family_here() != "arm" else "milkv-duo"
    with pytest.raises(TinylmError, match="is a program for") as caught:
        check_program(candidate, few(wrong), announce=quiet)
    assert caught.value.hint == f"make one for it: tinylm export --standalone {wrong}"
    assert candidate.program is not None
    other = dataclasses.replace(candidate, program=dataclasses.replace(candidate.program, family="riscv64"))
    if family_here() != "riscv64":
        with pytest.raises(TinylmError, match="this machine runs others"):
            check_program(other, few("host"), announce=quiet)


def test_a_device_that_nothing_imitates(candidate: Candidate) -> None:
    budget = dataclasses.replace(few("host"), device=DeviceMatch(arch="s390x"))
    with pytest.raises(TinylmError, match="no emulator imitates"):
        check_program(candidate, budget, announce=quiet)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh` that runs the command here, in a folder that stands for the other machine; it keeps what it was told."""
    place, script = tmp_path / "there", tmp_path / "bin" / "ssh"
    place.mkdir()
    script.parent.mkdir()
    script.write_text(
        '#!/bin/sh\nfor word in "$@"; do command=$word; done\n'
        f'echo "$command" >> {tmp_path}/told\n'
        f'case "$*" in *nobody@*) echo "no route to host" >&2; exit 255;; esac\n'
        f'TMPDIR={place} exec sh -c "$command"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=":")
    return place


def test_over_ssh(candidate: Candidate, ssh: Path) -> None:
    report = check_program_over_ssh(candidate, few("host", bpb_increase=None), "pi@board", announce=quiet)
    assert verdicts(report)["golden_tokens"] == ("pass", "measured")
    assert {basis for _, basis in verdicts(report).values()} == {"measured"}
    assert (report.device.facts.python, report.device.facts.onnxruntime) == ("none", None)
    assert report.device.facts.cores >= 1
    assert report.moments
    told = (ssh.parent / "told").read_text()
    assert "--probe" in told
    assert "--memory-probe" in told
    assert list(ssh.iterdir()) == []  # nothing stays there


def test_a_board_over_ssh_that_is_another(candidate: Candidate, ssh: Path) -> None:
    report = check_program_over_ssh(candidate, few("pi-zero-2w"), "pi@board", announce=quiet)
    found = verdicts(report)
    assert found["latency_p95_ms"][0] == "not_measured"
    assert found["golden_tokens"] == ("pass", "indicative")


def test_a_machine_that_cannot_be_reached(candidate: Candidate, ssh: Path) -> None:
    with pytest.raises(TinylmError, match="`nobody@board` cannot be reached: no route to host") as caught:
        check_program_over_ssh(candidate, few("host"), "nobody@board", announce=quiet)
    assert caught.value.exit_code == 3
    with pytest.raises(TinylmError, match="no machine that ssh could reach"):
        check_program_over_ssh(candidate, few("host"), "-oProxyCommand=x", announce=quiet)
