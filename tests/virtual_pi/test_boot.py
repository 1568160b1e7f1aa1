"""Virtual Pis that really boot: both releases, the check on two processors, and a guest that dies."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinylm
from tinylm.budget.report import read_report
from tinylm.bundle.reading import Bundle
from tinylm.virtual_pi.folders import default_folder
from tinylm.virtual_pi.image import build_image
from tinylm.virtual_pi.machine import clean_stale, running, start_machine, stop_machine
from tinylm.virtual_pi.qemu import Settings
from tinylm.virtual_pi.releases import find_release

pytestmark = pytest.mark.virtual_pi

ROOT = Path(tinylm.__file__).resolve().parents[1]
FAST = Settings(cpu="cortex-a72", cores=2, memory_mib=512, port=0, measure=False, snapshot=True)


def image(release: int) -> Path:
    mirror = os.environ.get("TINYLM_DEBIAN_MIRROR") or None
    return build_image(release=find_release(release), folder=default_folder(), announce=print, mirror=mirror)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for machines, in which nothing may run at the end."""
    yield tmp_path
    assert clean_stale(tmp_path) == []
    found = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.stdout == "", "an emulator was left running"


@pytest.mark.parametrize(("release", "python"), [(12, "Python 3.11"), (13, "Python 3.13")])
def test_both_releases_boot(folder: Path, release: int, python: str) -> None:
    with running(image=image(release), settings=FAST, folder=folder) as machine:
        machine.wait()
        assert machine.ssh("python3 --version").startswith(python)
        assert machine.ssh("id -un; cat /proc/1/comm").split() == ["pi", "systemd"]
        assert machine.ssh("ls -d /proc/fs/jbd2/vda*").strip().startswith("/proc/fs/jbd2/vda")  # the journal
        assert machine.ssh("python3 -c 'import venv, ensurepip, onnxruntime, sentencepiece; print(1)'") == "1\n"
        assert machine.ssh("stat -c '%U %a' /home/pi/.ssh /usr/bin/sudo /etc/shadow").split("\n")[:3] == [
            "pi 700",
            "root 4755",
            "root 600",
        ]
        assert machine.ssh("sudo -n id -u") == "0\n"
        # The host is 10.0.2.2 to the guest; with egress off nothing of it answers.
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            tried = machine.ssh(f"timeout 5 bash -c ': < /dev/tcp/10.0.2.2/{port}' 2>/dev/null; echo $?")
        assert tried != "0\n"


def test_the_doctor_on_a_board(folder: Path) -> None:
    """With the base package's wheels alone, as an ordinary user, on real ARM facts."""
    archive = folder / "tinylm.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(ROOT / "tinylm", "tinylm", filter=lambda file: None if "__pycache__" in file.name else file)
        tar.add(ROOT / "budgets", "tinylm/budgets", filter=lambda file: None if "__pycache__" in file.name else file)
    settings = dataclasses.replace(FAST, cpu="cortex-a53", cores=4, memory_mib=448)
    with running(image=image(12), settings=settings, folder=folder) as machine:
        machine.wait()
        machine.scp(str(archive), "pi:.")
        machine.ssh("tar -xf tinylm.tar")
        told = json.loads(machine.ssh("python3 -m tinylm doctor --budget pi-zero-2w --json || test $? = 1"))
    findings = {finding["check"]: finding for finding in told["findings"]}
    assert "no int8 dot products" in findings["instructions"]["what"]
    assert "A53" in findings["board"]["what"]
    for name in ("numpy", "onnxruntime", "sentencepiece", "psutil"):
        assert findings[f"import {name}"]["level"] == "ok", findings[f"import {name}"]
    assert {name for name, finding in findings.items() if finding["level"] == "problem"} == set()
    assert all(finding["what_to_do"] for finding in findings.values() if finding["level"] == "warning")


def start_check(bundle: Bundle, folder: Path, *options: str) -> subprocess.Popen[str]:
    """`tinylm virtual-pi check --json` as users run it, with the user's images but its machines in `folder`."""
    image(12)
    for name in ("images", "requests"):
        (folder / name).symlink_to(default_folder() / name)
    return subprocess.Popen(
        [sys.executable, "-m", "tinylm", "virtual-pi", "check", bundle.path, "--json", "--folder", folder, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("budget", "cpu", "flag"), [("pi-zero-2w", "cortex-a53", "asimd"), ("pi-5", "cortex-a76", "asimddp")]
)
def test_the_check_of_a_small_bundle(tiny_bundle: Bundle, folder: Path, budget: str, cpu: str, flag: str) -> None:
    with start_check(tiny_bundle, folder, "--budget", budget) as process:
        output, errors = process.communicate(timeout=300)
    assert output, errors
    report = read_report(json.loads(output), "the report")
    assert (process.returncode, report.verdict, report.basis) == (0, "pass", "estimated")
    limits = {limit.name: limit for limit in report.limits}
    assert limits["golden_tokens"].measured == 0  # what this machine's processor answered when the bundle was made
    assert {name for name, limit in limits.items() if limit.basis == "measured"} == {"bundle_mb"}
    assert limits["latency_p95_ms"].basis == "estimated"
    memory = limits["peak_rss_mb"].measured
    assert memory is not None
    assert 12 < memory < 30  # Python, the engine and a small model; the emulator does not count as the guest's
    assert limits["bpb_increase"].measured == pytest.approx(0.25 / 48, abs=1e-3)
    assert cpu in report.device.facts.model
    assert report.device.facts.arch == "aarch64"
    assert flag in report.device.facts.isa
    assert ("asimddp" in report.device.facts.isa) == (flag == "asimddp")
    (probe,) = report.samples
    assert probe.verification is not None
    assert probe.verification.tokens == 24
    assert report.estimate is not None
    assert 1e5 < report.estimate.itl.instructions < report.estimate.ttft.instructions < 50e6


def test_a_guest_that_dies_is_an_error_and_leaves_nothing(tiny_bundle: Bundle, folder: Path) -> None:
    with start_check(tiny_bundle, folder) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("copying"):  # it has booted
                break
        (state,) = (folder / "machines").glob("*/machine.json")
        os.kill(json.loads(state.read_text())["pid"], signal.SIGKILL)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert output == ""
    assert "error: the virtual Pi died" in errors
    assert list((folder / "machines").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["Ctrl-C", "TERM", "HUP"],
)
def test_ending_the_check_stops_the_machine(tiny_bundle: Bundle, folder: Path, number: int, code: int) -> None:
    with start_check(tiny_bundle, folder) as process:
        while not list((folder / "machines").glob("*/machine.json")):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == code
    assert list((folder / "machines").iterdir()) == []


def test_changes_survive_a_killed_emulator(folder: Path) -> None:
    kept = Settings(cpu="cortex-a72", cores=2, memory_mib=512, port=0, measure=False, snapshot=False)
    made = image(12)
    machine = start_machine(image=made, settings=kept, folder=folder, name="kept")
    try:
        machine.wait()
        machine.ssh("echo here > note; sync")
        os.kill(machine.state.pid, signal.SIGKILL)
        while machine.alive():
            time.sleep(0.05)
        machine = start_machine(image=made, settings=kept, folder=folder, name="kept")
        machine.wait()
        assert machine.ssh("cat note") == "here\n"
    finally:
        stop_machine(machine)
    shutil.rmtree(folder / "machines")
    # What one machine wrote is not in the image.
    with running(image=made, settings=FAST, folder=folder) as fresh:
        fresh.wait()
        assert fresh.ssh("ls") == ""
