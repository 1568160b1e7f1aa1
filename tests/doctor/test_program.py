"""Would a standalone program start on this machine?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.doctor.examination import examine
from tinylm.doctor.program_rules import ProgramFacts, program_findings
from tinylm.machine.facts import Facts

Recorded = Callable[..., Facts]

PROGRAM = ProgramFacts(
    path="hello", name="books", sha256="0" * 64, size_mb=2.1, family="aarch64", permitted=True, no_execution=False
)


@pytest.mark.parametrize(
    ("change", "what", "what_to_do"),
    [
        ({"family": "x86_64"}, "hello is for x86_64, and this processor is aarch64", "--standalone aarch64"),
        ({"permitted": False}, "hello may not be executed", "chmod +x hello"),
        ({"no_execution": True, "permitted": False}, "mounted `noexec`", "another folder"),
    ],
)
def test_what_the_kernel_would_refuse(change: dict[str, Any], what: str, what_to_do: str, recorded: Recorded) -> None:
    (found,) = program_findings(recorded("pi-zero-2w"), dataclasses.replace(PROGRAM, **change))
    assert found.level == "problem"
    assert what in found.what
    assert what_to_do in found.what_to_do


def test_a_board_of_32_bits_is_told_its_own_target(recorded: Recorded) -> None:
    board = recorded("pi-zero-2w", {"processor": {"arch": "armv7l"}})
    (found,) = program_findings(board, PROGRAM)
    assert "--standalone armv7" in found.what_to_do
    (found,) = program_findings(board, dataclasses.replace(PROGRAM, family="arm"))
    assert found.level == "ok"


def test_a_named_program_is_looked_at_and_no_bundle(hello: Path, recorded: Recorded) -> None:
    examination = examine(bundle=hello, budget=None, announce=lambda line: None, facts=recorded("pi-zero-2w"))
    assert examination.bundle is None
    assert examination.program is not None
    assert (examination.program.name, examination.program.permitted) == ("test", True)
    found = {finding.check: finding for finding in examination.findings}
    assert "Exec format error" in found["program"].why  # it is for the machine that runs this test
    assert "bundle" not in found


def test_a_cut_program_is_refused(hello: Path, tmp_path: Path, recorded: Recorded) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(hello.read_bytes()[:-1])
    with pytest.raises(TinylmError, match="cut"):
        examine(bundle=cut, budget=None, announce=lambda line: None, facts=recorded("pi-zero-2w"))
