"""One finding: what was found, why it matters, what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tinylm.onnx.kernels import LEVELS, Level


@dataclass(frozen=True, kw_only=True)
class Finding:
    check: str
    """What was looked at, in one or two words; a check may have several findings."""
    level: Level
    """`ok`; `note`: good to know, or not readable here; `warning`: will bite some day; `problem`: bites now."""
    what: str
    why: str = ""
    what_to_do: str = ""
    """A command or a setting."""

    def __post_init__(self) -> None:
        if self.level in ("warning", "problem") and not (self.why and self.what_to_do):
            raise ValueError(f"`{self.check}`: a {self.level} says why it matters and what to do")


def ok(check: str, what: str) -> Finding:
    return Finding(check=check, level="ok", what=what)


def note(check: str, what: str, *, why: str = "", what_to_do: str = "") -> Finding:
    return Finding(check=check, level="note", what=what, why=why, what_to_do=what_to_do)


def warning(check: str, what: str, *, why: str, what_to_do: str) -> Finding:
    return Finding(check=check, level="warning", what=what, why=why, what_to_do=what_to_do)


def problem(check: str, what: str, *, why: str, what_to_do: str) -> Finding:
    return Finding(check=check, level="problem", what=what, why=why, what_to_do=what_to_do)


def not_readable(check: str, what: str) -> Finding:
    """For what this system does not tell: no finding at all would look as if it had been checked."""
    return note(check, f"{what} not readable here")


def worst(levels: Iterable[Level]) -> Level:
    return max(levels, key=LEVELS.index, default="ok")
