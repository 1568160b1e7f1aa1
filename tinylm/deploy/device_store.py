"""The releases on a device, kept so that nothing which interrupts a deployment can leave it without a good one.

    ROOT/releases/ID       whole releases; ID.partial is one that is arriving
    ROOT/current           a link to the release that serves; one rename replaces it
    ROOT/previous          a link to the one before
    ROOT/state.json        what was current and when, and a switch that has begun
    ROOT/allowed_signers   if the owner of the device put it there: nothing unsigned is accepted

This runs on the device (`tinylm.deploy.device_agent` says how it gets there) and imports the standard library alone.
Whatever cuts it off, a kill, the power or a full disk, `current` is a release that is whole and passed its checks: no
file of a release that serves is changed, a release gets its name when all of it is on the disk, and the switch is one
rename. What is left over then is put right by `repair`, at the beginning of the next deployment.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import struct
import time
from pathlib import Path
from typing import Any

SCHEMA = "1.0"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_PARTIAL = ".partial"
_BLOCK_BYTES = 1 << 18
_MOST_HISTORY = 50
_NOT_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class Refused(Exception):
    """A request that cannot be done: `code` is for a program, the words are for people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class Store:
    """The folder ROOT; OSError passes through everywhere, with what was there still in order."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._releases = root / "releases"
        self._lock: int | None = None

    def current(self, link: str = "current") -> str | None:
        """The ID that a link names; None without one."""
        try:
            folder, name = os.path.split((self.root / link).readlink())
        except FileNotFoundError:
            return None
        except OSError:
            raise Refused("link", f"`{link}` is no link") from None
        if folder != "releases" or not _ID.fullmatch(name):
            raise Refused("link", f"`{link}` leads elsewhere than to a release")
        return name

    def releases(self) -> list[str]:
        """IDs of what arrived whole."""
        return [name for name in _names(self._releases) if _ID.fullmatch(name) and not name.endswith(_PARTIAL)]

    def state(self) -> dict[str, Any]:
        """`state.json` with a switch that was cut off settled: the link says whether it took place."""
        try:
            written = self._written()
            history, switching = written["history"], written["switching"]
            for entry in [*history, *([switching] if switching else [])]:
                if not _ID.fullmatch(entry["id"]) or not isinstance(entry.get("at_s", 0), int):
                    raise ValueError
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # of no program: the links are what is left
            before = self.current("previous")
            history, switching = [{"id": before}] if before else [], None
        current = self.current()
        if switching and switching["id"] == current:
            history = [*history, switching]
        if current and (not history or history[-1]["id"] != current):  # a person moved the link
            history = [*history, {"id": current}]
        return {"schema": SCHEMA, "history": history[-_MOST_HISTORY:], "switching": None}

    def previous(self) -> str | None:
        """The last other release that was current and is still there."""
        there, current = self.releases(), self.current()
        ids = [entry["id"] for entry in reversed(self.state()["history"])]
        return next((name for name in ids if name != current and name in there), None)

    def leftovers(self, ident: str | None) -> list[str]:
        """What interrupted deployments left, and releases that never became current; all but the release `ident`."""
        kept = {ident, self.current(), *(entry["id"] for entry in self.state()["history"])}
        inner = [
            name
            for name in _names(self._releases)
            if name != f"{ident}{_PARTIAL}" and (name.endswith(_PARTIAL) or (_ID.fullmatch(name) and name not in kept))
        ]
        return [name for name in _names(self.root) if name.endswith(_PARTIAL)] + [f"releases/{name}" for name in inner]

    def facts(self, ident: str | None, files: dict[str, str]) -> dict[str, Any]:
        """All that a plan for the release `ident` with `files` (name: SHA-256) is made from."""
        there = next(folder for folder in (self.root, *self.root.parents) if folder.is_dir())
        disk = os.statvfs(there)
        arriving = self._releases / f"{ident}{_PARTIAL}"
        return {
            "machine": platform.machine(),
            "bits": 8 * struct.calcsize("P"),
            "python": platform.python_version(),
            "clock_s": int(time.time()),
            "unwritable": "EROFS" if disk.f_flag & os.ST_RDONLY else None if os.access(there, os.W_OK) else "EACCES",
            "free_bytes": disk.f_bavail * disk.f_frsize,
            "current": self.current(),
            "previous": self.previous(),
            "history": [
                {
                    "id": entry["id"],
                    "name": str(entry.get("name", "")),
                    "version": str(entry.get("version", "")),
                    "at_s": entry.get("at_s", 0),
                }
                for entry in self.state()["history"]
            ],
            "releases": {name: self._listed(name) for name in self.releases()},
            "whole": ident in self.releases() and not _damaged(self._releases / str(ident), files),
            "partial": {name: (arriving / name).lstat().st_size for name in _names(arriving)},
            "leftovers": self.leftovers(ident),
            "settled": self._settled(),
            "signers": os.path.lexists(self.root / "allowed_signers"),
        }

    def lock(self, owner: str) -> None:
        """Nobody else deploys as long as this process lives."""
        self.root.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._lock = os.open(self.root / "lock", flags, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told = os.pread(self._lock, 300, 0).decode(errors="replace") or "somebody"
            age = max(0, int(time.time() - os.fstat(self._lock).st_mtime))
            raise Refused("locked", f"{told}, for {age} s") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, owner.encode()[:300], 0)

    def repair(self, ident: str | None) -> None:
        """Settle a switch that was cut off, and remove what was left over."""
        self._settle()
        for name in self.leftovers(ident):
            self._discard(self.root / name)

    def take(self, ident: str, name: str, sha256: str, release: str) -> bool:
        """A file of the arriving release out of one that is there; False where it is not what it should be."""
        source, target = self._releases / release / name, self._arriving(ident, name)
        if _sha256(source) != sha256:
            return False
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(source)
        except OSError as error:
            if error.errno in _NOT_OURS:
                raise
            return False  # a file system without links: it travels
        return True

    def write(self, ident: str, name: str, offset: int, data: bytes) -> None:
        """`data` at `offset` of an arriving file, which ends there; from 0 it is begun anew."""
        target = self._arriving(ident, name)
        if offset == 0:
            target.unlink(missing_ok=True)  # it may be another name of a file that serves
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        else:
            file = os.open(target, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            status = os.fstat(file)
            if status.st_nlink > 1 or status.st_size < offset:
                raise Refused("offset", f"`{name}` has {status.st_size} bytes, not {offset}")
            os.ftruncate(file, offset)
            os.lseek(file, offset, os.SEEK_SET)
            _write_all(file, data)
        finally:
            os.close(file)

    def seal(self, ident: str, files: dict[str, str]) -> list[str]:
        """The arrived release gets its name; or the names of files that are damaged, which are removed."""
        partial, final = self._releases / f"{ident}{_PARTIAL}", self._releases / ident
        damaged = _damaged(partial, files)
        for name in [*damaged, *(name for name in _names(partial) if name not in files)]:
            if os.path.lexists(partial / name):
                self._discard(partial / name)
        if damaged:
            return damaged
        for name in files:
            _sync(partial / name)
        _sync(partial)
        if final.is_dir():  # the same manifest: what is replaced is damaged, or the same
            for name in files:
                (partial / name).replace(final / name)
            _sync(final)
            self._discard(partial)  # a rename onto another name of the same file leaves both
        else:
            partial.rename(final)
        _sync(self._releases)
        return []

    def switch(self, ident: str, record: dict[str, Any]) -> None:
        """`ident`, sealed and checked, becomes current, and what was so becomes previous."""
        if ident not in self.releases():
            raise Refused("release", f"there is no release `{ident}`")
        if ident != self.current():
            begun = {**record, "id": ident, "at_s": int(time.time())}
            self._write("state.json", _json({**self.state(), "switching": begun}))
            self._point("current", ident)
        self._settle()

    def prune(self, keep: int) -> list[str]:
        """Remove all but the last `keep` releases, current and previous among them; the IDs that went."""
        kept = [name for name in (self.current(), self.previous()) if name]
        for entry in reversed(self.state()["history"]):
            if len(kept) < keep and entry["id"] not in kept:
                kept.append(entry["id"])
        gone = [name for name in self.releases() if name not in kept]
        for name in gone:
            self._discard(self._releases / name)
        return gone

    def remove(self) -> None:
        """Nothing serves any more, and nothing of ours is left but the allowed signers."""
        for name in ("current", "previous", "state.json", "budget.toml"):
            (self.root / name).unlink(missing_ok=True)
        _sync(self.root)
        for name in _names(self._releases):
            if _ID.fullmatch(name):
                self._discard(self._releases / name)
        (self.root / "lock").unlink()
        for folder in (self._releases, self.root):
            if folder.is_dir() and not _names(folder):
                folder.rmdir()

    def put_budget(self, text: str) -> None:
        """The budget that the checks are given."""
        self._write("budget.toml", text)

    def _written(self) -> dict[str, Any]:
        file = self.root / "state.json"
        if not file.exists():
            return {"schema": SCHEMA, "history": [], "switching": None}
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if int(content["schema"].partition(".")[0]) > int(SCHEMA.partition(".")[0]):
            raise Refused("state", "what serves there was deployed by a newer tinylm")
        return content

    def _settled(self) -> bool:
        try:
            return self._written() == self.state() and self.current("previous") == self.previous()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def _settle(self) -> None:
        state, previous = self.state(), self.previous()
        if previous is None:
            (self.root / "previous").unlink(missing_ok=True)
        elif self.current("previous") != previous:
            self._point("previous", previous)
        if not self._settled():
            self._write("state.json", _json(state))

    def _listed(self, ident: str) -> dict[str, str]:
        """The files of a release as its manifest says; none where it cannot be read."""
        try:
            files = json.loads((self._releases / ident / "manifest.json").read_text(encoding="utf-8"))["files"]
            return {str(name): str(entry["sha256"]) for name, entry in files.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _arriving(self, ident: str, name: str) -> Path:
        if not _ID.fullmatch(ident) or not _ID.fullmatch(name):
            raise Refused("name", f"`{ident}/{name}` is no name")
        folder = self._releases / f"{ident}{_PARTIAL}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def _point(self, link: str, ident: str) -> None:
        partial = self.root / f"{link}{_PARTIAL}"
        partial.unlink(missing_ok=True)
        partial.symlink_to(f"releases/{ident}")
        partial.replace(self.root / link)
        _sync(self.root)

    def _write(self, name: str, text: str) -> None:
        partial = self.root / f"{name}{_PARTIAL}"
        partial.unlink(missing_ok=True)
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            _write_all(file, text.encode())
            os.fsync(file)
        finally:
            os.close(file)
        partial.replace(self.root / name)
        _sync(self.root)

    def _discard(self, path: Path) -> None:
        """Remove a file or a folder; a release that is half removed has no release's name."""
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        if path.parent == self._releases and not path.name.endswith(_PARTIAL):
            going = path.with_name(f"{path.name}{_PARTIAL}")
            if going.is_dir():
                self._discard(going)
            path = path.rename(going)
        for name in _names(path):
            self._discard(path / name)
        path.rmdir()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _json(content: object) -> str:
    return json.dumps(content, indent=1) + "\n"


def _damaged(folder: Path, files: dict[str, str]) -> list[str]:
    return [name for name, sha256 in files.items() if _sha256(folder / name) != sha256]


def _sha256(path: Path) -> str | None:
    """The hash of a plain file; None for anything else."""
    if path.is_symlink() or not path.is_file():
        return None
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
