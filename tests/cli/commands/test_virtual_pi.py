"""`tinylm virtual-pi` and `check-budgets --virtual-pi` where no virtual Pi can run: clear errors, exit code 3."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinylm
from tinylm.bundle.reading import Bundle

ROOT = Path(tinylm.__file__).resolve().parents[1]


def tinylm_command(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tinylm", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [["check-budgets", "--virtual-pi"], ["virtual-pi", "check"]])
def test_without_the_emulator_nothing_passes(tiny_bundle: Bundle, tmp_path: Path, command: list[str]) -> None:
    # The programs are also looked for in sbin, which has no emulator.
    done = tinylm_command(*command, tiny_bundle.path, PATH=str(tmp_path))
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "error: `qemu-system-aarch64` is not installed\n\nhint: sudo apt-get install" in done.stderr


def test_a_budget_without_a_cost_model_is_unusable(tiny_bundle: Bundle) -> None:
    done = tinylm_command("check-budgets", tiny_bundle.path, "--virtual-pi", "--budget", "host")
    assert done.returncode == 2
    assert "`host` has no `[estimate]`" in done.stderr


def test_a_board_of_ones_own_names_the_board_to_imitate(tiny_bundle: Bundle, tmp_path: Path) -> None:
    text = (ROOT / "budgets/pi-3.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace('"pi-3"', '"mine"'), encoding="utf-8")
    done = tinylm_command("check-budgets", tiny_bundle.path, "--virtual-pi", "--budget", tmp_path / "mine.toml")
    assert done.returncode == 2
    assert "--board" in done.stderr


@pytest.mark.parametrize("command", [["wait"], ["ssh", "true"], ["scp", "a", "pi:b"], ["stop"]])
def test_no_machine_is_running(tmp_path: Path, command: list[str]) -> None:
    done = tinylm_command("virtual-pi", *command, "--folder", tmp_path)
    assert done.returncode == 3
    assert "no virtual Pi `default` is running" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--board", "pi-6"], "no virtual board `pi-6`"),
        (["--cpu", "cortex-a55"], "no virtual processor `cortex-a55`"),
        (["--release", "11"], "no virtual Pi with Debian 11"),
    ],
)
def test_unknown_words(tmp_path: Path, options: list[str], message: str) -> None:
    done = tinylm_command("virtual-pi", "start", *options, "--folder", tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
