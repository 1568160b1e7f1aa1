"""`scripts/deploy.sh` against a real ssh server: what arrives, is checked and becomes current."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from deployments import GUIDE, Device, budget, script

from tinylm.bundle.manifest import CARD, MODEL


def identity(bundle: Path) -> str:
    return f"test-1.0.0-{hashlib.sha256((bundle / 'manifest.json').read_bytes()).hexdigest()[:12]}"


def another(bundle: Path, folder: Path) -> Path:
    """The same bundle with another hash, as a later export has."""
    other = Path(shutil.copytree(bundle, folder / "other"))
    (other / "manifest.json").write_bytes((bundle / "manifest.json").read_bytes() + b"\n")
    return other


def test_passing_failing_and_going_back(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    port = f"--port={fresh.port}".split("=")
    first = fresh.deploy(bundle, "--budget", budget(tmp_path), *port)
    old = f"releases/{identity(bundle)}"
    assert first.returncode == 0, first.stderr
    assert fresh.current() == old
    assert "golden tokens after 3 prompts are reproduced" in first.stdout
    assert "test fits the budget host." in first.stdout
    assert [line[:3] for line in first.stderr.splitlines() if re.match(r"\d/6 ", line)] == [
        f"{n}/6" for n in range(1, 7)
    ]
    assert {path.name for path in (fresh.home / "tinylm" / "current").iterdir()} == {
        path.name for path in bundle.iterdir()
    }

    other = another(bundle, tmp_path)
    impossible = budget(tmp_path, ("peak_rss_mb = 400", "peak_rss_mb = 12"))
    failed = fresh.deploy(other, "--budget", impossible, *port)
    assert failed.returncode == 1, failed.stderr
    assert "✗ fail" in failed.stdout
    assert f"not switched; `~/tinylm/current` there is still {old}" in failed.stderr
    assert fresh.current() == old

    # The same bundle again, against limits that it keeps: nothing is copied, and the way back is printed.
    passed = fresh.deploy(other, "--budget", budget(tmp_path), *port)
    assert passed.returncode == 0, passed.stderr
    assert "nothing to copy" in passed.stderr
    assert fresh.current() == f"releases/{identity(other)}"
    back = next(line for line in passed.stderr.splitlines() if line.startswith("back to the one before: "))
    assert fresh.shell(back.split(": ", 1)[1]).returncode == 0
    assert fresh.current() == old
    assert fresh.releases == sorted([identity(bundle), identity(other)])

    # What the guide says to type afterwards.
    lines = [
        line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("ssh pi@raspberrypi.local '")
    ]
    assert len(lines) >= 3
    for line in lines:
        real = line.replace("pi@raspberrypi.local", f"-p {fresh.port} {fresh.target}").replace("ID", identity(other))
        done = fresh.shell(real)
        assert done.returncode == 0, (real, done.stderr)
    assert fresh.current() == f"releases/{identity(other)}"


def test_damage_here_is_refused_before_anything_is_sent(fresh: Device, bundle: Path) -> None:
    data = bytearray((bundle / MODEL).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / MODEL).write_bytes(data)
    result = fresh.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "/model.onnx` does not match its SHA-256" in result.stderr
    assert "2/6" not in result.stderr
    assert not (fresh.home / "tinylm").exists()


def test_damage_on_the_way_is_found_there(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    (fresh.home / "damage").touch()
    result = fresh.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "the bundle was damaged on its way; `~/tinylm/current` there is still nothing" in result.stderr
    assert fresh.releases == [f"{identity(bundle)}.partial"]
    assert fresh.current() is None


def test_an_interrupted_and_a_decayed_deployment_are_mended_by_the_next(
    fresh: Device, bundle: Path, tmp_path: Path
) -> None:
    (fresh.home / "hang").touch()
    arguments = (bundle, "--budget", budget(tmp_path), "--port", str(fresh.port))
    running = subprocess.Popen(
        fresh.command(*arguments), env=fresh.environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    hanging = fresh.home / "tinylm" / "releases" / "hanging"
    for _ in range(600):
        if hanging.exists():
            break
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does
    messages = running.communicate(timeout=30)[1]
    assert running.returncode == 130, messages
    assert "error: interrupted; `~/tinylm/current` there is still nothing" in messages
    hanging.unlink()
    assert fresh.releases == [f"{identity(bundle)}.partial"]

    # A release of that name whose bytes went bad since.
    decayed = fresh.home / "tinylm" / "releases" / identity(bundle)
    shutil.copytree(bundle, decayed)
    (decayed / CARD).write_bytes(b"decayed")
    result = fresh.deploy(*arguments)
    assert result.returncode == 0, result.stderr
    assert fresh.releases == [identity(bundle)]
    assert (decayed / CARD).read_bytes() == (bundle / CARD).read_bytes()
    assert fresh.current() == f"releases/{identity(bundle)}"


def test_a_full_disk(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], check=False).returncode:
        pytest.skip("a full disk is not tested: this system gives nobody a mount of their own")
    (fresh.home / "full").write_text("400k", encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--budget", budget(tmp_path))
    assert result.returncode == 2, result.stderr
    assert "error: the disk is full there: 0 MB are free, the bundle takes 1 MB" in result.stderr
    assert "remove old releases" in result.stderr


def test_a_folder_that_is_none(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    (fresh.home / "tinylm").write_text("a file", encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--budget", budget(tmp_path))
    (fresh.home / "tinylm").unlink()
    assert result.returncode == 2
    assert "error: `~/tinylm` cannot be used there" in result.stderr
    assert "it must be a folder to write in" in result.stderr


def test_a_device_without_tinylm(fresh: Device, bundle: Path) -> None:
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--python", "no such/python")
    assert result.returncode == 2
    assert "error: no tinylm on" in result.stderr
    assert "tinylm-venv/bin/pip install tinylm-*.whl" in result.stderr
    assert not (fresh.home / "tinylm").exists()


def test_a_device_whose_tinylm_cannot_check_a_bundle(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    old = script(
        tmp_path / "old",
        '#!/bin/sh\ncase "$*" in *identity*) exit 1 ;; esac\n'
        f'exec {shlex.quote(str(fresh.home / "tinylm-venv/bin/python"))} "$@"\n',
    )
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--python", old)
    assert result.returncode == 2
    assert f"error: the tinylm on `{fresh.target}` is of an older release than this script" in result.stderr
    assert not (fresh.home / "tinylm").exists()
