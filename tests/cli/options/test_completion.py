"""Shell completion as the shells ask for it: it installs, completes commands, options and values, one word a line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import COMMANDS, ROOT

TINYLM = Path(sys.executable).with_name("tinylm")


def fish(typed: str) -> list[str]:
    """The candidates and their descriptions, as lines."""
    asked = {
        "_TINYLM_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run([TINYLM], env=os.environ | asked, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_every_line_is_a_candidate() -> None:
    assert [line.split("\t")[0] for line in fish("tinylm ")] == list(ROOT.commands)
    assert [line.split("\t")[0] for line in fish("tinylm bundle ")] == list(ROOT.commands["bundle"].commands)
    options = [line.split("\t")[0] for line in fish("tinylm train --")]
    assert all(option.startswith("--") for option in options)
    assert {"--corpus", "--keep-checkpoints", "--preflight"} <= set(options)
    assert {option for p in COMMANDS["train",].params for option in p.opts if option.startswith("--")} <= set(options)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_installs_and_completes(tmp_path: Path) -> None:
    script = """
        tinylm --install-completion >&2 && . "$HOME/.bash_completions/tinylm.sh" || exit 1
        for words in "tinylm gene" "tinylm bundle " "tinylm train --kee" "tinylm generate --backend n" \\
            "tinylm train-pipeline --preset tiny-" "tinylm check-budgets --budget pi-z" "tinylm budget check ho"; do
            read -ra COMP_WORDS <<<"$words"
            [[ $words != *" " ]] || COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            COMPREPLY=()
            _tinylm_completion tinylm
            echo "${COMPREPLY[@]}"
        done
    """
    path = f"{TINYLM.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=os.environ | {"HOME": str(tmp_path), "PATH": path, "SHELL": "/bin/bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    words = ["generate", "show", "verify", "sign", "card", "--keep-checkpoints", "native", "tiny-muon"]
    words += ["pi-zero-2w", "pi-zero-w", "host"]
    assert done.stdout.split() == words, done.stderr
    assert "tinylm.sh" in (tmp_path / ".bashrc").read_text()
