"""The probe under the kernel's own limit, in whatever way this machine has one."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.budget import enforce as module
from tinylm.budget.enforce import enforce
from tinylm.budget.judge.verdict import LimitResult
from tinylm.budget.measure.probes import INTERPRETER, ProbeRunner
from tinylm.budget.spec.budget import Budget, Confidence, load_budget
from tinylm.budget.spec.candidate import bundle_candidate
from tinylm.bundle.reading import Bundle

# A Python that takes 200 MB and keeps it.
GREEDY = (sys.executable, "-c", "import sys; block = bytearray(200_000_000); sys.exit(len(block[::4096]))")


Enforced = Callable[..., LimitResult]


@pytest.fixture
def enforced(tiny_bundle: Bundle) -> Enforced:
    """What becomes of probes that `interpreter` starts, with so much memory."""

    def run(
        peak_rss_mb: float, *, interpreter: tuple[str, ...] = INTERPRETER, announce: Callable[[str], object] = len
    ) -> LimitResult:
        probes = ProbeRunner(
            candidate=bundle_candidate(tiny_bundle), budget=budget(peak_rss_mb), interpreter=interpreter
        )
        return enforce(probes, basis="measured", announce=announce)  # type: ignore[arg-type]

    return run


def budget(peak_rss_mb: float) -> Budget:
    host = load_budget("host")
    limits = dataclasses.replace(host.limits, peak_rss_mb=peak_rss_mb, bundle_mb=1)
    return dataclasses.replace(host, limits=limits, confidence=Confidence(looks=(59,), processes=10, warmup=1))


def groups() -> set[str]:
    """The groups that this process has made and not removed."""
    return {str(path) for path in Path("/sys/fs/cgroup").glob(f"**/tinylm-{os.getpid()}-*")}


def can_make_groups() -> bool:
    with module._memory_limit(10**9) as limit:
        return limit.counts_resident


def test_a_probe_that_fits_survives(enforced: Enforced) -> None:
    lines: list[str] = []
    result = enforced(400, announce=lines.append)
    assert (result.name, result.verdict, result.limit, result.basis) == ("enforced_mb", "pass", 400, "measured")
    assert result.measured is not None
    assert 10 < result.measured <= 400
    assert "6 requests survived under" in result.evidence
    assert lines == [line for line in lines if "at 400 MB" in line]
    assert groups() == set()


def test_what_does_not_fit_is_killed(enforced: Enforced) -> None:
    result = enforced(50, interpreter=GREEDY)
    if can_make_groups():
        assert result.verdict == "fail"
        assert "killed by SIGKILL" in result.evidence
    else:
        assert result.verdict == "not_measured"  # address space is more than memory
    assert groups() == set()


def test_without_a_group_dying_proves_nothing(enforced: Enforced, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_group_places", lambda: iter(()))
    monkeypatch.setattr(module, "_systemd", lambda limit: None)
    result = enforced(50, interpreter=GREEDY)
    assert result.verdict == "not_measured"
    assert result.evidence.startswith("under a limit of address space (ulimit -v): the probe ended with code 1")
    assert "this proves nothing" in result.evidence


def test_without_a_group_surviving_proves_more_than_was_asked(
    enforced: Enforced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_group_places", lambda: iter(()))
    monkeypatch.setattr(module, "_systemd", lambda limit: None)
    result = enforced(2000)
    assert result.verdict == "pass"
    assert "a limit of address space" in result.evidence


def test_a_folder_without_the_controller_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cgroup file system without the memory controller gives no such files."""
    places = [(tmp_path, ("memory.max", "memory.swap.max", "memory.peak")), (tmp_path / "missing", ("a", "b", "c"))]
    monkeypatch.setattr(module, "_group_places", lambda: iter(places))
    monkeypatch.setattr(module, "_systemd", lambda limit: None)
    with module._memory_limit(10**9) as limit:
        assert not limit.counts_resident
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_check_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    left, running = tmp_path / f"tinylm-{ended.pid}-1", tmp_path / f"tinylm-{os.getpid()}-2"
    left.mkdir()
    running.mkdir()
    monkeypatch.setattr(module, "_group_places", lambda: iter([(tmp_path, ("memory.max", "swap", "peak"))]))
    with module._memory_limit(10**9):
        assert list(tmp_path.iterdir()) == [running]


def test_a_probe_that_fails_for_another_reason_says_nothing_of_memory(enforced: Enforced) -> None:
    result = enforced(400, interpreter=(sys.executable, "-c", "raise SystemExit('no such bundle')"))
    assert result.verdict == "not_measured"
    assert "no such bundle" in result.evidence
