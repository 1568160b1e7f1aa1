"""Findings about a standalone program on this machine: would it start? Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinylm.doctor.finding import Finding, ok, problem
from tinylm.emulation.processors import Family
from tinylm.emulation.program_file import family_for
from tinylm.machine.facts import Facts
from tinylm.native.targets import ARCHITECTURES

_CHECK = "program"


@dataclass(frozen=True, kw_only=True)
class ProgramFacts:
    """A file that `tinylm export --standalone` made, and where it lies."""

    path: str
    name: str
    sha256: str
    """Of the whole file."""
    size_mb: float
    family: Family
    """Of processors that run it."""
    permitted: bool
    """Whether the file's mode lets this user start it."""
    no_execution: bool
    """Whether it lies on a file system that is mounted `noexec`."""


def program_findings(facts: Facts, program: ProgramFacts) -> Iterator[Finding]:
    arch = facts.processor.arch
    if program.family != family_for(arch):
        own = next((name for name, target in ARCHITECTURES.items() if target.tag == arch), None)
        yield problem(
            _CHECK,
            f"{program.path} is for {program.family}, and this processor is {arch}",
            why="the kernel refuses it: `cannot execute binary file: Exec format error`",
            what_to_do=f"tinylm export BUNDLE --standalone {own}" if own else "take a board that tinylm knows",
        )
    elif program.no_execution:
        yield problem(
            _CHECK,
            f"{program.path} lies on a file system that is mounted `noexec`",
            why="the kernel refuses it: `Permission denied`",
            what_to_do="copy it to another folder, such as the home folder",
        )
    elif not program.permitted:
        yield problem(
            _CHECK,
            f"{program.path} may not be executed",
            why="the kernel refuses it: `Permission denied`",
            what_to_do=f"chmod +x {program.path}",
        )
    else:
        yield ok(_CHECK, f"{program.name}, {program.size_mb:.2f} MB, for {program.family}, as here: {program.path}")
