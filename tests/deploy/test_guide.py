"""What docs/deployment.md says to type for a board, typed."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from deployments import GUIDE, ROOT, Device, another_bundle, quick_tinylm, script


def section(title: str) -> list[str]:
    """The command lines of a section."""
    text = re.split(r"^## ", GUIDE.read_text(encoding="utf-8"), flags=re.M)
    found = next(part for part in text if part.startswith(f"{title}\n"))
    return [line for block in re.findall(r"```sh\n(.*?)```", found, re.S) for line in block.splitlines()]


@pytest.fixture
def typed(fresh: Device, bundle: Path, tmp_path: Path) -> Device:
    """A folder with the run that the guide speaks of, a command `tinylm`, and the board under a name of this test."""
    shutil.copytree(bundle, tmp_path / "here" / "runs" / "NAME" / "bundle")
    script(fresh.tools / "tinylm", f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} -m tinylm "$@"\n')
    return fresh


def type_in(device: Device, line: str, folder: Path) -> str:
    user = device.target.partition("@")[0]
    told = device.shell(f"cd {folder} && {line.replace('pi@raspberrypi.local', f'{user}@board')}")
    assert told.returncode == 0, (line, told.stderr)
    return told.stdout


def test_deployed_used_rolled_back_and_removed(typed: Device, bundle: Path, tmp_path: Path) -> None:
    quick = quick_tinylm(typed.home)
    assert typed.deploy(bundle, "--python", quick).returncode == 0
    assert typed.deploy(another_bundle(bundle, tmp_path / "new", "1.0.1"), "--python", quick).returncode == 0
    generate, show = section("Use it there")
    assert type_in(typed, generate, tmp_path / "here")
    assert "test 1.0.1" in type_in(typed, show, tmp_path / "here")
    for line in section("Look, go back, remove"):
        type_in(typed, line, tmp_path / "here")
    assert not typed.root.exists()


def test_with_scp_alone(typed: Device, tmp_path: Path) -> None:
    copy, ask = section("With scp alone")
    type_in(typed, copy, tmp_path / "here")
    assert type_in(typed, ask, tmp_path / "here")
    shutil.rmtree(typed.home / "hello")
