"""Deploying, and what can be asked of a device afterwards.

with Session("pi@raspberrypi", port=None, python=None, system=False) as there:
    deploy(there, bundle, budget_text, options, say=say, show=print)
"""

from __future__ import annotations

import getpass
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import INTERRUPTED, TinylmError
from tinylm.base.files import sha256
from tinylm.base.printable import printable
from tinylm.base.progress import ProgressBar
from tinylm.bundle.identity import identity
from tinylm.bundle.manifest import MANIFEST, SIGNATURE
from tinylm.bundle.reading import Bundle
from tinylm.deploy.facts import Facts, File, Target, read_facts
from tinylm.deploy.failures import LOST
from tinylm.deploy.plan import Step, plan, warnings
from tinylm.deploy.session import Session

Say = Callable[[str], None]
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, kw_only=True)
class Options:
    """What can be chosen about a deployment, as in `Target`."""

    certify: bool
    allow_downgrade: bool
    keep: int


def deploy(there: Session, bundle: Bundle, budget: str, options: Options, *, say: Say, show: Say) -> None:
    """Make `bundle` serve if it passes there; what the checks print goes to `show`.

    TinylmError, with the exit code of the check that was not passed (1 failed, 3 undecided), when it does not serve;
    what served before serves still.
    """
    target = _target(bundle, options)
    plan(_facts(there, target), target, root=there.root)  # what is refused is so before anything is written
    _lock(there)
    facts = _facts(there, target)
    steps = plan(facts, target, root=there.root)
    for warning in warnings(facts):
        say(warning)
    serving = f"{facts.current} serves there still" if facts.current else "nothing serves there yet"
    try:
        there.ask("put_budget", text=budget)
        for number, step in enumerate(steps, 1):
            if step.action in ("switch", "prune"):
                serving = "see `tinylm deploy --status`"
            say(f"{number}/{len(steps)} {step}")
            _do(there, step, bundle, target, say=say, show=show)
    except KeyboardInterrupt:
        raise TinylmError(f"interrupted; {serving}", "run the same command again", exit_code=INTERRUPTED) from None
    except TinylmError as error:
        raise TinylmError(f"{error.message}; {serving}", error.hint, exit_code=error.exit_code) from error
    say(f"done: {target.id} serves on {there.target}, as {there.root}/current")


def dry_run(there: Session, bundle: Bundle, options: Options, *, say: Say, show: Say) -> None:
    """Show the steps of `deploy`; nothing is written there."""
    target = _target(bundle, options)
    facts = _facts(there, target)
    for warning in warnings(facts):
        say(warning)
    for number, step in enumerate(plan(facts, target, root=there.root), 1):
        show(f"{number}. {step}")


def status(there: Session, *, show: Say) -> None:
    """Show what serves there, what did, and what is left over."""
    facts = _facts(there, None)
    runs = f"Python {printable(facts.python)}, tinylm {facts.tinylm or 'is not installed'}"
    show(f"device      {printable(facts.machine)}, {facts.bits}-bit, {runs}")
    show(f"current     {facts.current or 'nothing'}")
    show(f"previous    {facts.previous or 'nothing'}")
    for past in reversed(facts.history):
        since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(past.at_s)) if past.at_s else "an unknown time"
        show(f"  since {since}: {past.id}{'' if past.id in facts.releases else ' (removed)'}")
    show(f"free        {facts.free_bytes / 1e6:.0f} MB")
    show(f"signatures  {'only signed bundles are accepted' if facts.signers else 'not asked for'}")
    for name in facts.leftovers:
        show(f"left over   {printable(name)}")
    if not facts.settled:
        show("unsettled   a switch was cut off; the next deployment settles it")


def rollback(there: Session, *, say: Say) -> None:
    """Make what served before serve again, after its hashes are verified there; TinylmError where there is none."""
    _lock(there)
    there.ask("repair", ident=None)
    facts = _facts(there, None)
    if facts.previous is None:
        raise TinylmError(f"no other release is there than {facts.current or 'none at all'}", "deploy one")
    release = f"releases/{facts.previous}"
    signers = ["--signers", "allowed_signers"] if facts.signers else []
    code = there.run(["bundle", "verify", release, *signers], say)
    if code:
        raise TinylmError(f"{release} is not usable any more; {facts.current} serves there still", "deploy it again")
    past = next(past for past in reversed(facts.history) if past.id == facts.previous)
    there.ask("switch", ident=past.id, record={"name": past.name, "version": past.version})
    say(f"done: {past.id} serves on {there.target}; {facts.current} did before")


def remove(there: Session, *, say: Say) -> None:
    """Remove everything that deployments left there, and what serves too."""
    _lock(there)
    there.ask("remove")
    say(f"done: nothing of tinylm's deployments is left in {there.root} on {there.target}")


def _lock(there: Session) -> None:
    there.ask("lock", owner=f"{getpass.getuser()}@{platform.node()}")


def _target(bundle: Bundle, options: Options) -> Target:
    manifest = bundle.manifest
    signature = bundle.path / SIGNATURE
    beside = [bundle.path / MANIFEST, *([signature] if signature.exists() else [])]
    files = {name: File(sha256=entry.sha256, bytes=entry.bytes) for name, entry in manifest.files.items()}
    files |= {path.name: File(sha256=sha256(path), bytes=path.stat().st_size) for path in beside}
    return Target(
        id=identity(bundle),
        name=manifest.name,
        version=manifest.version,
        files=files,
        signed=signature.exists(),
        certify=options.certify,
        allow_downgrade=options.allow_downgrade,
        keep=options.keep,
    )


def _facts(there: Session, target: Target | None) -> Facts:
    hashes = _hashes(target) if target else {}
    return read_facts(there.ask("facts", ident=target.id if target else None, files=hashes), tinylm=there.tinylm)


def _hashes(target: Target) -> dict[str, str]:
    return {name: file.sha256 for name, file in target.files.items()}


def _do(there: Session, step: Step, bundle: Bundle, target: Target, *, say: Say, show: Say) -> None:
    match step.action:
        case "repair":
            there.ask("repair", ident=target.id)
        case "take":
            file = target.files[step.file]
            if not there.ask("take", ident=target.id, name=step.file, sha256=file.sha256, release=step.release):
                say(f"    {step.file} cannot be taken from there: it travels")
                _send(there, target.id, bundle.path / step.file, say=say)
        case "send":
            _send(there, target.id, bundle.path / step.file, offset=step.offset, say=say)
        case "seal":
            _seal(there, bundle, target, say=say)
        case "check":
            _passed(there.run(list(step.arguments), show), step)
        case "switch":
            record = {"name": target.name, "version": target.version, "manifest_sha256": bundle.manifest_sha256}
            there.ask("switch", ident=target.id, record=record)
        case "prune":
            for gone in _names(there.ask("prune", keep=step.keep)):
                say(f"    {printable(gone)} is removed")


def _send(there: Session, ident: str, file: Path, *, offset: int = 0, say: Say) -> None:
    size = file.stat().st_size
    with file.open("rb") as data, ProgressBar(file.name, total=size, done=offset, unit="MB", scale=1e6, say=say) as bar:
        data.seek(offset)
        while (chunk := data.read(_CHUNK_BYTES)) or offset == 0:
            there.ask("write", ident=ident, name=file.name, offset=offset, data=chunk)
            offset += len(chunk)
            bar.advance(len(chunk))
            if not chunk:  # an empty file
                break


def _seal(there: Session, bundle: Bundle, target: Target, *, say: Say) -> None:
    """A power cut may leave other bytes than were sent; those files travel once more."""
    for again in (True, False):
        damaged = _names(there.ask("seal", ident=target.id, files=_hashes(target)))
        if not damaged:
            return
        for name in damaged if again else ():
            if name not in target.files:
                raise TinylmError("the device names a file that was not sent", "is it the device that you mean?")
            say(f"    {name} was damaged on its way: it travels again")
            _send(there, target.id, bundle.path / name, say=say)
    raise TinylmError(
        f"{', '.join(damaged)} arrived damaged twice", "its disk or its memory may fail: see `dmesg | tail` there"
    )


def _names(told: object) -> Iterable[str]:
    if not isinstance(told, list) or not all(isinstance(name, str) for name in told):
        raise TinylmError("the device answers no list of names", "is it the device that you mean?")
    return told


def _passed(code: int, step: Step) -> None:
    """TinylmError unless a check on the device said so."""
    what = f"`tinylm {step.arguments[0]}{' verify' if step.arguments[0] == 'bundle' else ''}` there"
    if code in (1, 2, 3):
        raise TinylmError(f"{what} ended with {code}: not switched", "its words stand above", exit_code=code)
    if code:
        raise TinylmError(
            f"{what} died with {code}: not switched",
            "132 is a processor that its libraries do not fit, 137 is memory that ran out",
            exit_code=LOST,
        )
