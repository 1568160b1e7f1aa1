"""What can be freed and what that costs, what stays and why, and its removal: datasets, checkpoints, images, caches.

A removal holds the lock of what may work there; links are removed, never followed.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.numerals import counted
from tinylm.bundle.store import CONFIG, DATASETS, FINAL_CHECKPOINT, NAMED_CHECKPOINTS, RUN_LOCK, RUNS
from tinylm.corpus import gutenberg
from tinylm.housekeeping.disk import folders_in, held, in_use, size_of
from tinylm.virtual_pi.folders import default_folder
from tinylm.virtual_pi.machine import images_in_use

_CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, kw_only=True)
class DiskUse:
    """Something that takes space: it can go, or `kept` says why not."""

    kind: str
    """A key of `KINDS`."""
    name: str
    """What it is, for people."""
    paths: tuple[Path, ...]
    """What goes with it; none is a link."""
    size_bytes: int
    lock: Path | None = None
    """Held by what works on it, and while it is removed."""
    kept: str | None = None


def disk_uses(kinds: list[str]) -> list[DiskUse]:
    """All that takes space here of these kinds, whether it can go or not."""
    return [use for kind in kinds for use in KINDS[kind].find()]


def _datasets() -> list[DiskUse]:
    users = _users()
    found = []
    for folder in folders_in(DATASETS):
        lock = DATASETS / f".{folder.name}.lock"
        runs = [str(run) for run, dataset in users.items() if dataset in (folder.name, None)]
        kept = "it is being built" if in_use(lock) else f"needed by {_few(runs)}" if runs else None
        found.append(_disk_use("datasets", str(folder), folder, lock=lock, kept=kept))
    return found


def _users() -> dict[Path, str | None]:
    """The dataset of every run that says one; None where the settings cannot be read: it may be any."""
    users: dict[Path, str | None] = {}
    for run in folders_in(RUNS):
        try:
            dataset = tomllib.loads((run / CONFIG).read_text(encoding="utf-8")).get("dataset")
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            users[run] = None
        else:
            if dataset is not None:
                users[run] = str(dataset)
    return users


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _checkpoints() -> list[DiskUse]:
    found = []
    for run in folders_in(RUNS):
        folder = run / _CHECKPOINTS
        steps = [step for step in folders_in(folder) if step.name.startswith("step-")]
        if not steps:
            continue
        named = {os.path.realpath(folder / name) for name in NAMED_CHECKPOINTS}
        kept = None
        if in_use(run / RUN_LOCK):
            kept = "the run is at work"
        elif not (run / FINAL_CHECKPOINT).is_dir():
            kept = "the run is not finished, and continues from them"
        spare = steps if kept else [step for step in steps if os.path.realpath(step) not in named]
        if kept or spare:
            size = sum(map(size_of, spare))
            name, lock = f"{folder} ({len(spare)} of {len(steps)})", run / RUN_LOCK
            found.append(
                DiskUse(kind="checkpoints", name=name, paths=tuple(spare), size_bytes=size, lock=lock, kept=kept)
            )
    return found


def _images() -> list[DiskUse]:
    folder = default_folder()
    used = images_in_use(folder)
    building = in_use(folder / "lock")
    found = []
    for image in folders_in(folder / "images"):
        kept = "it is being built" if building else "a machine has it as its disk" if image.name in used else None
        found.append(_disk_use("images", str(image), image, lock=folder / "lock", kept=kept))
    return found


def _caches() -> list[DiskUse]:
    cache = gutenberg.cache_folder()
    found = []
    for folder in folders_in(cache.parent):
        lock = folder / ".lock"
        if folder.name.startswith("compiled-"):
            kept = "a training is using it" if in_use(lock) else None
            found.append(_disk_use("caches", str(folder), folder, lock=lock, kept=kept))
    books = sorted(cache.glob("*.txt")) if cache.is_dir() and not cache.is_symlink() else []
    books = [book for book in books if book.is_file() and not book.is_symlink()]
    if books:
        name, size = f"{cache} ({counted(len(books), 'book')})", sum(map(size_of, books))
        found.append(DiskUse(kind="caches", name=name, paths=tuple(books), size_bytes=size))
    return found


def _disk_use(kind: str, name: str, folder: Path, *, lock: Path, kept: str | None) -> DiskUse:
    return DiskUse(kind=kind, name=name, paths=(folder,), size_bytes=size_of(folder), lock=lock, kept=kept)


@dataclass(frozen=True, kw_only=True)
class CleanupKind:
    find: Callable[[], list[DiskUse]]
    what: str
    cost: str
    """What is lost with those that can go."""


KINDS = {
    "datasets": CleanupKind(
        find=_datasets,
        what=f"datasets of no run in `{RUNS}/`",
        cost="they are built again from the text when a run wants them; a run that lies elsewhere may be of one",
    ),
    "checkpoints": CleanupKind(
        find=_checkpoints,
        what="older checkpoints of finished runs",
        cost="earlier epochs cannot be exported any more; `best`, `final` and `last` stay",
    ),
    "images": CleanupKind(
        find=_images,
        what="images of the virtual Pi",
        cost="the next check with --virtual-pi downloads and builds one, which takes minutes",
    ),
    "caches": CleanupKind(
        find=_caches,
        what="compiled training steps and downloaded books",
        cost="the next training compiles again, and `--corpus gutenberg` downloads the books again",
    ),
}


def remove(use: DiskUse) -> int:
    """Free `use`; the bytes that went: 0 where it is in use by now.

    TinylmError when the system refuses; what went before stays gone.
    """
    assert use.kept is None, use
    with held(use.lock) if use.lock is not None else held(Path(os.devnull)) as free:
        if not free:
            return 0
        try:
            for path in use.paths:
                _unlink_links(path)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError as error:
            raise TinylmError(
                f"`{error.filename}` cannot be removed: {error.strerror}", "look at who owns it, and run it again"
            ) from error
    return use.size_bytes


def _unlink_links(path: Path) -> None:
    """The links beside `path` that name it would point to nothing: they go first."""
    for link in path.parent.iterdir():
        if link.is_symlink() and os.path.realpath(link) == os.path.realpath(path):
            link.unlink()
