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
from tinylm.settings.run import RunConfig, read_config, write_config

_ID = "run_id"


def default_folder(config: RunConfig) -> Path:
    """`runs/PRESET-CORPUS-HASH`: the same settings find the same folder again."""
    corpus = "-".join(dict.fromkeys(Path(source.split(":")[-1]).name or "corpus" for source in config.corpus))
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(_asked(config)), sort_keys=True).encode()).hexdigest()
    return RUNS / f"{config.preset}-{corpus[:40]}-{digest[:6]}"


@contextmanager
def open_run(folder: Path, config: RunConfig, *, force: bool, extend: bool = False) -> Iterator[tuple[RunConfig, str]]:
    """Create or continue the run in `folder` and hold it; yields its configuration and run id.

    What the run recorded (steps that `minutes` was turned into) wins over what is asked again. `extend` allows other
    training settings than the recorded ones (a finished run trained further); `force` starts over.
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
        yield _adopt(folder, config, extend=extend)


def record_config(folder: Path, config: RunConfig) -> None:
    """Write the run's `config.toml`."""
    write_config(config, folder / CONFIG)


def _adopt(folder: Path, config: RunConfig, *, extend: bool) -> tuple[RunConfig, str]:
    if not (folder / CONFIG).is_file():
        unfinished = (_ID, f"{_ID}.partial", f"{CONFIG}.partial")  # of a start that was killed
        strangers = [path.name for path in folder.iterdir() if path.name not in (RUN_LOCK, *unfinished)]
        if strangers:
            raise TinylmError(
                f"`{folder}` is not empty and holds no run: `{sorted(strangers)[0]}`", "name an empty or new folder"
            )
        write_atomic(folder / _ID, str(uuid.uuid4()).encode())
        record_config(folder, config)
    recorded = read_config(folder / CONFIG)
    more_minutes = extend and config.training.minutes is not None and config.training.total_steps is None
    if _asked(recorded) == _asked(config) and not more_minutes:
        config = recorded
    elif not extend or _asked(dataclasses.replace(recorded, training=config.training)) != _asked(config):
        raise TinylmError(
            f"`{folder}` holds a run with other settings: {_difference(recorded, config)}",
            "start over with --force, or name another folder with --output-dir",
        )
    try:
        run_id = str(uuid.UUID((folder / _ID).read_text(encoding="ascii")))
    except (OSError, ValueError) as error:
        raise TinylmError(f"`{folder / _ID}` is damaged", "start over with --force") from error
    return config, run_id


def _asked(config: RunConfig) -> RunConfig:
    """What the user asked for: without the steps, epochs, batch size and compilation that were measured and decided."""
    training = dataclasses.replace(config.training, compiled=None)
    if training.minutes is not None:
        training = dataclasses.replace(training, total_steps=None, epochs=1)
    if training.batch_size_auto != "off":
        training = dataclasses.replace(training, batch_size=training.accumulation_steps, batch_size_auto="wanted")
    return dataclasses.replace(config, training=training, validation_text=None)  # `dataset` decides it


def _difference(old: RunConfig, new: RunConfig) -> str:
    """The first setting that differs, for the error message."""
    a, b = _flat(dataclasses.asdict(_asked(old))), _flat(dataclasses.asdict(_asked(new)))
    differing = [key for key in a if a[key] != b.get(key)]
    key = "training.minutes" if "training.minutes" in differing else differing[0]  # `epochs` follows from it
    return f"`{key}` was {a[key]} and is now {b.get(key)}"


def _flat(table: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in table.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat


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
