"""What `scripts/deploy.sh` makes of its arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from deployments import GUIDE, SCRIPT, Device, budget


@pytest.mark.parametrize("typo", ["an unknown name", "a wrong key", "no TOML"])
def test_a_budgets_typo_is_found_before_anything_is_copied(
    fresh: Device, bundle: Path, tmp_path: Path, typo: str
) -> None:
    mine = budget(tmp_path)
    text = mine.read_text(encoding="utf-8")
    given: str | Path = "pi-zero" if typo == "an unknown name" else mine
    mine.write_text(text + "latency = 5\n" if typo == "a wrong key" else text + "latency =\n", encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--budget", given)
    assert result.returncode == 2
    assert ("error: unknown budget `pi-zero`" if given == "pi-zero" else f"`{mine}`") in result.stderr
    assert "4/6" not in result.stderr
    assert "nothing was copied" in result.stderr
    assert not (fresh.home / "tinylm").exists()


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(SCRIPT), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "no device was named"),
        (("-oProxyCommand=touch x",), "unknown option"),
        (("pi@host:22",), "is no `user@host`"),
        (("pi@host", "--port", "x"), "is no number"),
        (("pi@host", "--budget"), "needs a value"),
        (("pi@host", "a", "b"), "one argument too many"),
        (("pi@host",), "no bundle named and none in `runs/`"),
        (("pi@host", "nothing"), "has no manifest.json"),
    ],
)
def test_what_cannot_be_understood(arguments: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    if any(shutil.which(tool) is None for tool in ("ssh", "scp")):
        pytest.skip("scripts/deploy.sh is not tested: no ssh client; on Debian: apt-get install openssh-client")
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert problem in result.stderr
    assert "\n\nhint: " in result.stderr
    assert result.stdout == ""


def test_help_and_the_guide_agree(tmp_path: Path) -> None:
    result = run("--help", cwd=tmp_path)
    assert result.returncode == 0
    guide = GUIDE.read_text(encoding="utf-8")
    for option in ("--budget", "--port", "--python"):
        assert option in result.stdout
        assert option in guide


def test_the_newest_bundle_is_taken(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    for age, name in enumerate(("new run", "old run")):
        copy = shutil.copytree(bundle, tmp_path / "runs" / name / "bundle")
        os.utime(copy / "manifest.json", (1e9 - age, 1e9 - age))
    result = fresh.deploy("--port", "1", cwd=tmp_path)
    assert "1/6 check the bundle runs/new run/bundle" in result.stderr
