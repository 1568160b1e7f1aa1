"""`tinylm deploy` against a real ssh server: what arrives, is checked and serves."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deployments import Device, another_bundle, budget, quick_tinylm, script

from tinylm.base.records import to_bytes
from tinylm.bundle.identity import identity
from tinylm.bundle.manifest import CARD, GOLDEN, MANIFEST, MODEL, REQUIRED, SIGNATURE
from tinylm.bundle.reading import load_json, open_bundle
from tinylm.bundle.signing import sign
from tinylm.bundle.writing import write_bundle


def ident(bundle: Path) -> str:
    return identity(open_bundle(bundle))


def test_passing_failing_and_going_back(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    planned = fresh.deploy(bundle, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "1. send MODEL_CARD.md" in planned.stdout
    assert not fresh.root.exists()

    first = fresh.deploy(bundle, "--budget", budget(tmp_path))
    assert first.returncode == 0, first.stderr
    assert fresh.current() == f"releases/{ident(bundle)}"
    assert "golden tokens after 3 prompts are reproduced" in first.stdout
    assert "test fits the budget host." in first.stdout
    steps = [line.split(" ", 1)[1] for line in planned.stdout.splitlines()]
    assert [line.split(" ", 1)[1] for line in first.stderr.splitlines() if re.match(r"\d+/\d+ ", line)] == steps
    assert {path.name for path in (fresh.root / "current").iterdir()} == {path.name for path in bundle.iterdir()}

    other = another_bundle(bundle, tmp_path / "other", "1.0.1")
    quick = ("--python", quick_tinylm(fresh.home))
    (fresh.home / "code").write_text("1", encoding="utf-8")
    failed = fresh.deploy(other, *quick)
    assert failed.returncode == 1, failed.stderr
    assert f"not switched; {ident(bundle)} serves there still" in failed.stderr
    assert fresh.current() == f"releases/{ident(bundle)}"
    # Only what changed has travelled.
    assert re.findall(r"send (\S+),", failed.stderr) == [MANIFEST]
    assert f"take {MODEL} from {ident(bundle)}" in failed.stderr

    (fresh.home / "code").unlink()
    passed = fresh.deploy(other, *quick)  # the same again, and checks that it passes
    assert passed.returncode == 0, passed.stderr
    assert "send" not in passed.stderr
    assert fresh.current() == f"releases/{ident(other)}"
    assert fresh.current("previous") == f"releases/{ident(bundle)}"

    older = fresh.deploy(bundle, *quick)
    assert older.returncode == 2
    assert "version 1.0.0 is older than 1.0.1, which serves there" in older.stderr
    status = fresh.deploy("--status")
    assert status.returncode == 0, status.stderr
    assert f"current     {ident(other)}" in status.stdout
    assert f"previous    {ident(bundle)}" in status.stdout

    back = fresh.deploy("--rollback")
    assert back.returncode == 0, back.stderr
    assert fresh.current() == f"releases/{ident(bundle)}"
    assert fresh.current("previous") == f"releases/{ident(other)}"
    gone = fresh.deploy("--remove")
    assert gone.returncode == 0, gone.stderr
    assert not fresh.root.exists()
    assert fresh.deploy("--rollback").returncode == 2


def test_damage_here_is_refused_before_anything_is_sent(fresh: Device, bundle: Path) -> None:
    data = bytearray((bundle / MODEL).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / MODEL).write_bytes(data)
    result = fresh.deploy(bundle)
    assert result.returncode == 2
    assert "/model.onnx` does not match its SHA-256" in result.stderr
    assert not fresh.root.exists()


def test_an_interrupted_and_a_decayed_deployment_are_mended_by_the_next(fresh: Device, bundle: Path) -> None:
    quick = ("--python", quick_tinylm(fresh.home))
    (fresh.home / "slow").touch()
    running = subprocess.Popen(
        fresh.command(bundle, *quick),
        env=fresh.environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(600):
        if (fresh.home / "asked").exists():
            break
        time.sleep(0.05)
    busy = fresh.deploy(bundle, *quick)
    assert busy.returncode == 3
    assert re.search(r"somebody else is deploying to it: \S+@\S+, for \d+ s", busy.stderr)
    os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does
    messages = running.communicate(timeout=30)[1]
    assert running.returncode == 130, messages
    assert "error: interrupted; nothing serves there yet" in messages
    (fresh.home / "slow").unlink()
    assert fresh.releases == [ident(bundle)]
    assert fresh.current() is None

    decayed = fresh.root / "releases" / ident(bundle) / CARD
    decayed.write_bytes(b"decayed")
    result = fresh.deploy(bundle, *quick)
    assert result.returncode == 0, result.stderr
    assert "MODEL_CARD.md cannot be taken from there: it travels" in result.stderr
    assert decayed.read_bytes() == (bundle / CARD).read_bytes()
    assert fresh.current() == f"releases/{ident(bundle)}"


@pytest.mark.parametrize("lie", ["a golden token", "an encoding", "the quality"])
def test_a_bundle_that_is_not_what_it_says(fresh: Device, bundle: Path, tmp_path: Path, lie: str) -> None:
    """Whole by its hashes, as what was exported wrongly or for another processor is; the device finds out."""
    (fresh.home / "verifies").touch()
    quick = ("--python", quick_tinylm(fresh.home))
    assert fresh.deploy(bundle, *quick).returncode == 0
    opened = open_bundle(bundle)
    golden = load_json(bundle / GOLDEN)
    if lie == "a golden token":
        golden["prompts"][0]["ids"][2] ^= 1
    elif lie == "an encoding":
        golden["encodings"][0]["ids"][0] ^= 1
    else:
        golden["held_out"][0]["bits"] += 100
    contents = {name: (bundle / name).read_bytes() for name in REQUIRED} | {GOLDEN: to_bytes(golden)}
    record = dataclasses.replace(opened.manifest, version="1.0.1")
    wrong = fresh.deploy(write_bundle(tmp_path / "wrong", record, contents).path, *quick)
    assert wrong.returncode == 1, wrong.stderr
    assert "differs: " in wrong.stdout
    assert f"not switched; {ident(bundle)} serves there still" in wrong.stderr
    assert fresh.current() == f"releases/{ident(bundle)}"


@pytest.mark.parametrize("code", [1, 2, 3, 137])
def test_the_devices_verdict_is_the_exit_code(fresh: Device, bundle: Path, code: int) -> None:
    (fresh.home / "code").write_text(str(code), encoding="utf-8")
    result = fresh.deploy(bundle, "--python", quick_tinylm(fresh.home))
    assert result.returncode == min(code, 3)
    assert "nothing serves there yet" in result.stderr
    assert fresh.current() is None


def test_only_the_last_releases_stay(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    quick = ("--python", quick_tinylm(fresh.home))
    versions = [another_bundle(bundle, tmp_path / f"{n}", f"1.0.{n}") for n in range(4)]
    for version in versions:
        result = fresh.deploy(version, "--keep", "2", *quick)
        assert result.returncode == 0, result.stderr
    assert fresh.releases == sorted(ident(version) for version in versions[2:])
    older = fresh.deploy(versions[1], "--allow-downgrade", "--keep", "3", *quick)
    assert older.returncode == 0, older.stderr
    assert fresh.current() == f"releases/{ident(versions[1])}"
    assert fresh.releases == sorted(ident(version) for version in versions[1:])


def test_a_device_that_wants_signatures(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    fresh.root.mkdir(parents=True)
    public = key.with_suffix(".pub").read_text(encoding="utf-8")
    (fresh.root / "allowed_signers").write_text(f"ana {public}", encoding="utf-8")
    unsigned = fresh.deploy(bundle)
    assert unsigned.returncode == 2
    assert "accepts signed bundles only" in unsigned.stderr
    (bundle / SIGNATURE).write_bytes(sign(open_bundle(bundle), key))
    (fresh.home / "verifies").touch()
    quick = ("--python", quick_tinylm(fresh.home))
    signed = fresh.deploy(bundle, *quick)
    assert signed.returncode == 0, signed.stderr
    assert "signature   by ana, ED25519" in signed.stdout
    stranger = another_bundle(bundle, tmp_path / "changed", "1.0.1")  # with the signature of another manifest
    refused = fresh.deploy(stranger, *quick)
    assert refused.returncode == 2
    assert "that of another manifest" in refused.stdout
    assert fresh.current() == f"releases/{ident(bundle)}"


@pytest.mark.parametrize(
    ("options", "problem"), [("size=100k", "the disk is full there"), ("ro", "the file system is read-only there")]
)
def test_a_disk_that_takes_nothing(fresh: Device, bundle: Path, options: str, problem: str) -> None:
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], check=False).returncode:
        pytest.skip("a full disk is not tested: this system gives nobody a mount of their own")
    (fresh.home / "disk").write_text(options, encoding="utf-8")
    result = fresh.deploy(bundle, "--python", quick_tinylm(fresh.home))
    assert result.returncode == 2, result.stderr
    assert f"error: {problem}" in result.stderr
    assert "\n\nhint: " in result.stderr


def test_a_folder_that_is_none(fresh: Device, bundle: Path) -> None:
    fresh.root.parent.mkdir(parents=True, exist_ok=True)
    fresh.root.write_text("a file", encoding="utf-8")
    result = fresh.deploy(bundle)
    fresh.root.unlink()
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_current_that_is_no_link_of_ours(fresh: Device, bundle: Path) -> None:
    fresh.root.mkdir(parents=True)
    (fresh.root / "current").symlink_to("/etc")
    result = fresh.deploy(bundle)
    assert result.returncode == 2
    assert "`current` leads elsewhere than to a release" in result.stderr


def test_a_device_without_tinylm_or_python(fresh: Device, bundle: Path) -> None:
    without = script(fresh.home / "without", f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    result = fresh.deploy(bundle, "--python", without)
    assert result.returncode == 2
    assert "there is no tinylm for the Python" in result.stderr
    nothing = fresh.deploy(bundle, "--python", "no such/python")
    assert nothing.returncode == 2
    assert "there is no Python on" in nothing.stderr
    assert not fresh.root.exists()
