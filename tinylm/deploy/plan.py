"""From a device's facts and a target to the steps between them: a pure function, and what each step is in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable
from tinylm.deploy.facts import Facts, Target
from tinylm.deploy.failures import device_failure

_MARGIN_BYTES = 2_000_000
"""For what the device writes beside the release."""
_FIRST_CLOCK_S = 1_735_689_600
"""2025-01-01: a board without a battery begins in 1970."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do; the fields that an action has no use for are left as they are."""

    action: Literal["repair", "take", "send", "seal", "check", "switch", "prune"]
    file: str = ""
    release: str = ""
    """Where `take` finds the file; what `seal`, `check` and `switch` are about."""
    offset: int = 0
    """How much of the file has arrived before, in bytes."""
    bytes: int = 0
    """How much of it travels."""
    arguments: tuple[str, ...] = ()
    """Of `tinylm` there, for `check`."""
    keep: int = 0

    def __str__(self) -> str:
        match self.action:
            case "repair":
                return "put right what an interrupted deployment left"
            case "take":
                return f"take {self.file} from {self.release}, which is there"
            case "send":
                rest = f" (the rest; {self.offset:,} have arrived)" if self.offset else ""
                return f"send {self.file}, {self.bytes:,} bytes{rest}"
            case "seal":
                return f"verify every hash there, and name it releases/{self.release}"
            case "check":
                return f"on the device: tinylm {' '.join(self.arguments)}"
            case "switch":
                return f"make it current: {self.release}"
            case "prune":
                return f"keep the last {self.keep} releases"


def plan(facts: Facts, target: Target, *, root: str) -> list[Step]:
    """The steps that make `target` serve; TinylmError where it cannot be.

    `root` is how people name the folder there.
    """
    _refuse(facts, target, root)
    steps = [] if facts.settled and not facts.leftovers else [Step(action="repair")]
    if not facts.whole:
        steps += _transfer(facts, target)
        needed = sum(step.bytes for step in steps) + _MARGIN_BYTES
        if needed > facts.free_bytes:
            error = device_failure("ENOSPC", "", root)
            raise TinylmError(
                f"{error.message}: {facts.free_bytes / 1e6:.1f} MB are free, {needed / 1e6:.1f} MB are needed",
                error.hint,
            )
        steps.append(Step(action="seal", release=target.id))
    release = f"releases/{target.id}"
    signers = ("--signers", "allowed_signers") if facts.signers else ()
    steps.append(Step(action="check", release=target.id, arguments=("bundle", "verify", release, *signers)))
    certify = ("--certify",) if target.certify else ()
    budget = ("check-budgets", release, "--budget", "./budget.toml", *certify)
    steps.append(Step(action="check", release=target.id, arguments=budget))
    if facts.current != target.id:
        steps.append(Step(action="switch", release=target.id))
    steps.append(Step(action="prune", keep=target.keep))
    return steps


def warnings(facts: Facts) -> Iterator[str]:
    """What does not stand in the way and should be known."""
    if facts.clock_s < _FIRST_CLOCK_S:
        yield "warning: the device's clock stands before 2025; its dates say nothing"
    if facts.bits == 32 and facts.machine in ("aarch64", "x86_64"):
        yield f"warning: a 32-bit system on a 64-bit processor ({facts.machine}): only the native engine runs there"


def _refuse(facts: Facts, target: Target, root: str) -> None:
    if facts.tinylm is None:
        raise TinylmError(
            f"there is no tinylm for the Python {facts.python} there",
            "install it in an environment of its own (docs/deployment.md, Prepare the device), or name its interpreter"
            " with `--python`",
        )
    if facts.unwritable:
        raise device_failure(facts.unwritable, "", root)
    if facts.signers and not target.signed:
        raise TinylmError("the device accepts signed bundles only", "sign it: `tinylm bundle sign`")
    serving = next((past for past in reversed(facts.history) if past.id == facts.current), None)
    same = serving is not None and serving.name == target.name and serving.version
    if serving and same and _order(target.version) < _order(serving.version) and not target.allow_downgrade:
        raise TinylmError(
            f"version {printable(target.version)} is older than {printable(serving.version)}, which serves there",
            "`--rollback` goes back to the release before; `--allow-downgrade` deploys this one",
        )


def _transfer(facts: Facts, target: Target) -> Iterator[Step]:
    """How each file comes there: it is there under this hash, a part of it has arrived, or all of it travels."""
    for name, file in sorted(target.files.items()):
        has = (release for release, listed in sorted(facts.releases.items()) if listed.get(name) == file.sha256)
        source = next(has, None)
        arrived = facts.partial.get(name, 0)
        if source is not None:
            yield Step(action="take", file=name, release=source)
        elif 0 < arrived <= file.bytes:
            yield Step(action="send", file=name, offset=arrived, bytes=file.bytes - arrived)
        else:
            yield Step(action="send", file=name, bytes=file.bytes)


def _order(version: str) -> list[tuple[int, int | str]]:
    """Versions in their order: numbers as numbers, and words before the end (`1.0-rc` is before `1.0`)."""
    parts = re.findall(r"[0-9]+|[A-Za-z]+", version)
    return [*((1, int(part)) if part.isdigit() else (0, part) for part in parts), (1, -1)]
