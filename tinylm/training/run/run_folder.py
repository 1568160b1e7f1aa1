"""A run folder: created once, owned by one process at a time, continued by the same settings only."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.bundle.store import CONFIG, RUN_LOCK, RUNS
from tinylm.settings.plan import Measurements, RunPlan, plan, read_plan, write_plan

_ID = "run_id"


def default_folder(asked: RunPlan) -> Path:
    """`runs/PRESET-CORPUS-HASH`, of a plan of which nothing is measured: the same request finds its folder again."""
    corpus = "-".join(dict.fromkeys(Path(source.split(":")[-1]).name or "corpus" for source in asked.corpus))
    identity = {**dataclasses.asdict(asked), "validation_text": None}  # follows from the dataset
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return RUNS / f"{asked.preset}-{corpus[:40]}-{digest[:6]}"


@contextmanager
def open_run(
    folder: Path, asked: RunPlan, *, force: bool = False, resume: bool = False, further: bool = False
) -> Iterator[tuple[Measurements, str]]:
    """Create or continue the run in `folder` and hold it; yields what it has measured, and its run id.

    `asked` is the plan of which nothing is measured, and must be that of the run. `resume` allows another recipe than
    the recorded one; `further` decides the length of the run anew; `force` starts over.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / RUN_LOCK).open("w")
    except OSError as error:
        raise TinylmError(
            f"cannot write in `{folder}`: {error.strerror}", "name another folder with --output-dir"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TinylmError(f"another tinylm is working in `{folder}`", "wait for it, or stop it") from error
        if force:
            _clear(folder)
        if not (folder / CONFIG).is_file():
            _create(folder, asked)
        recorded = read_plan(folder / CONFIG)
        _require_same(folder, recorded, asked, any_recipe=resume or further)
        measured = recorded.measured
        yield Measurements(batch_size=measured.batch_size) if further else measured, _run_id(folder)


def _create(folder: Path, asked: RunPlan) -> None:
    unfinished = (_ID, f"{_ID}.partial", f"{CONFIG}.partial")  # of a start that was killed
    strangers = [path.name for path in folder.iterdir() if path.name not in (RUN_LOCK, *unfinished)]
    if strangers:
        raise TinylmError(
            f"`{folder}` is not empty and holds no run: `{sorted(strangers)[0]}`", "name an empty or new folder"
        )
    write_atomic(folder / _ID, str(uuid.uuid4()).encode())
    write_plan(asked, folder / CONFIG)


def _run_id(folder: Path) -> str:
    try:
        return str(uuid.UUID((folder / _ID).read_text(encoding="ascii")))
    except (OSError, ValueError) as error:
        raise TinylmError(f"`{folder / _ID}` is damaged", "start over with --force") from error


def _require_same(folder: Path, recorded: RunPlan, asked: RunPlan, *, any_recipe: bool) -> None:
    """TinylmError that names the first setting in which the recorded request and the one made now differ."""
    old, new = (one.settings() for one in (plan(recorded.request, recorded.facts), asked))
    # Which text is validated on follows from the dataset, and runs of an earlier tinylm do not know it.
    differing = [key for key in {**old, **new} if old.get(key) != new.get(key) and key != "validation_text"]
    if all(any_recipe and key.startswith("training.") for key in differing):
        return
    key = "training.minutes" if "training.minutes" in differing else differing[0]  # `epochs` follows from it
    raise TinylmError(
        f"`{folder}` holds a run with other settings: `{key}` was {old.get(key)} and is now {new.get(key)}",
        "start over with --force, or name another folder with --output-dir",
    )


def _clear(folder: Path) -> None:
    """Remove what a run wrote; refuses a folder that is not a run."""
    contents = [path for path in folder.iterdir() if path.name != RUN_LOCK]
    if contents and not (folder / CONFIG).is_file():
        raise TinylmError(f"`{folder}` is not empty and holds no run", "name an empty or new folder")
    for path in sorted(contents, key=lambda path: path.name == CONFIG):  # what marks a run goes last
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
