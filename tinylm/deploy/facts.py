"""What a plan is made from: a device as it is (`Facts`), and what is to be there (`Target`).

    facts = read_facts(session.ask("facts", ident=..., files=...), tinylm=session.tinylm)

Facts come from a machine that is trusted in nothing: they are read strictly, and each text of them has a pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinylm.base.errors import TinylmError
from tinylm.base.records import read

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_MOST_CHARACTERS = 200
_LEFTOVER = re.compile(r"(releases/)?[^/]{1,255}")


@dataclass(frozen=True, kw_only=True)
class Past:
    """A release that was current."""

    id: str
    name: str
    version: str
    """Both of the bundle; empty where they are not known."""
    at_s: int
    """Since when, by the device's clock in seconds since 1970; 0 where it is not known."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A device."""

    tinylm: str | None
    """The version of its tinylm."""
    machine: str
    """As `uname -m`."""
    bits: int
    """Of its programs: 32 on a 64-bit processor is a 32-bit system."""
    python: str
    clock_s: int
    """Seconds since 1970."""
    unwritable: str | None
    """The name of the error that a write would end with."""
    free_bytes: int
    current: str | None
    previous: str | None
    history: tuple[Past, ...]
    """Oldest first."""
    releases: dict[str, dict[str, str]]
    """What is there whole: ID to its files and their SHA-256, as its manifest says."""
    whole: bool
    """Whether the target is among them, with every hash as it should be."""
    partial: dict[str, int]
    """Bytes of each file of the target that arrived before a transfer broke."""
    leftovers: tuple[str, ...]
    """What interrupted deployments left."""
    settled: bool
    """Whether no switch was cut off."""
    signers: bool
    """Whether only signed bundles are accepted there."""

    def __post_init__(self) -> None:
        ids = [*self.releases, *(past.id for past in self.history), *filter(None, (self.current, self.previous))]
        words = [self.machine, self.python, self.unwritable or ""]
        words += [word for past in self.history for word in (past.name, past.version)]
        if not all(map(_ID.fullmatch, ids)) or any(len(word) > _MOST_CHARACTERS for word in words):
            raise ValueError("a name in it is none")
        if not all(map(_LEFTOVER.fullmatch, self.leftovers)) or min(self.partial.values(), default=0) < 0:
            raise ValueError("a file in it is none")


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of the target."""

    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to serve on the device."""

    id: str
    name: str
    version: str
    files: dict[str, File]
    """All of them: the manifest and a signature too."""
    signed: bool = False
    certify: bool = False
    """Whether only what is measured on the budget's own board is a pass."""
    allow_downgrade: bool = False
    keep: int = 3
    """Releases that stay, current and previous among them; at least 2."""


def read_facts(data: object, *, tinylm: str | None) -> Facts:
    """What the agent answered; TinylmError for anything that is not what it says."""
    if not isinstance(data, dict):
        raise TinylmError("the device's facts are no table", "is it the device that you mean?")
    return read(Facts, {**data, "tinylm": tinylm}, "the device's facts")
