"""The files below a folder that people put there: no litter of systems, nothing hidden, nothing that tinylm wrote.

What tinylm wrote is told by what it holds: without that, `--corpus .` would read the dataset that it is writing, and a
second run the samples of the first.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading.source_names import unreadable
from tinylm.corpus.statistics import Dropped

# What systems, programs and services leave in a folder; everything that begins with a dot is left out before.
_LITTER_FOLDERS = {
    "Windows": ("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "FOUND.000"),
    "macOS": ("__MACOSX", "Network Trash Folder", "Temporary Items"),
    "Linux": ("lost+found",),
    "NAS": ("@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", "@tmp", "@sharebin"),
    "version control": ("CVS", "RCS", "SCCS", "_darcs", "_svn"),
    "program's cache": ("__pycache__", "node_modules"),
}
_LITTER_FILES = {
    "Windows": ("desktop.ini", "Thumbs.db", "ehthumbs*.db", "autorun.inf", "NTUSER.*", "*.lnk", "*.url", "*.tmp"),
    "macOS": ("Icon\r", "*.webloc", "*.textClipping"),
    "Linux": ("*.desktop",),
    "NAS": ("*@SynoEAStream", "*@SynoResource"),
    "cloud": ("*.gdoc", "*.gsheet", "*.gslides", "~syncthing~*", "*.onedrive", "*.dropbox.attr"),
    "download": ("*.crdownload", "*.part", "*.partial", "*.download", "*.aria2", "*.!ut"),
    "editor": ("*~", "~$*", "#*#", "*.swp", "*.swo", "*.bak", "*.orig", "*.rej", "*.autosave"),
    "version control": ("*,v",),
    "program's cache": ("*.pyc", "*.pyo"),
}

_RECORD_BYTES = 4_000_000
_OWN_FOLDERS = {
    "dataset.json": ("dataset", {"schema", "sources", "tokenizer"}),
    "corpus.json": ("dataset", {"schema", "sources", "statistics"}),
    "plan.json": ("dataset", {"parts", "sources", "near_duplicates"}),
    "manifest.json": ("bundle", {"schema", "special_ids", "graph", "quantization"}),
    "checkpoint.json": ("checkpoint", {"schema", "run_id", "progress"}),
    "lock.json": ("cache of books", {"schema", "books"}),
    "machine.json": ("emulated board", {"schema", "image", "port", "settings"}),
}
"""The record that makes a folder what it is, and keys that it has."""
_OWN_RUN = {"config.toml", "run_id"}

_OWN_FILE = re.compile(
    r'\{\s*"schema": "\d+\.\d+",\s*"(?:tinylm|tinylm_version|runs|bundle|dataset|manifest_sha256'
    r'|text": "(?:[^"\\]|\\.)*",\s*"normalisation)"'  # --json of the commands
    r'|<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="tinylm">'
    r'|<\?xml [^>]*>\s*<testsuites name="tinylm '
    r"|(?:\[1/4\] corpus, tokenizer and tokens\n)?corpus: (?:reading and cleaning|unchanged, skipped)\n"  # a kept log
    r"|## \S+ .*\n(?s:.*)\n<sub>.* · tinylm \S+ · .*</sub>\n\Z"  # --markdown
)


def walk(folder: Path, dropped: Dropped, problems: dict[Path, TinylmError]) -> Iterator[Path]:
    """Regular files below `folder`, in no order; links are followed, but every folder is entered once.

    `dropped` counts what is left out, `problems` gets folders that cannot be read. TinylmError when `folder` itself
    cannot, or is something that tinylm wrote.
    """
    visited: set[tuple[int, int]] = set()
    outputs = _outputs()
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        try:
            status = inside.stat()
            if (status.st_dev, status.st_ino) in visited:
                dropped.skip_file("links to a folder already read")
                continue
            visited.add((status.st_dev, status.st_ino))
            entries = list(os.scandir(inside))
        except OSError as error:
            if inside == folder:
                raise unreadable(folder, error) from error
            problems[inside] = unreadable(inside, error)
            continue
        names = {entry.name for entry in entries}
        if own := _own_folder(inside, names):
            if inside == folder:
                raise TinylmError(
                    f"`{folder}` is a {own} that tinylm made, no text of yours",
                    "name the folder that your texts are in; a file inside is read when it is named by itself",
                )
            dropped.skip_file(f"tinylm's own: {own}")
            continue
        if "pyvenv.cfg" in names and inside != folder:
            dropped.skip_file("Python environments")
            continue
        for entry in entries:
            path = Path(entry.path)
            kind = _kind(entry, outputs)
            if kind == "folder":
                waiting.append(path)
            elif kind == "file":
                yield path
            else:
                dropped.skip_file(kind)


def litter(name: str, *, is_folder: bool) -> str | None:
    """What a file or folder with this name is, such as `desktop.ini (Windows)`, or None for what people write."""
    for whose, patterns in (_LITTER_FOLDERS if is_folder else _LITTER_FILES).items():
        for pattern in patterns:
            if fnmatchcase(name.lower(), pattern.lower()):
                return f"{pattern.strip()} ({whose})"
    return None


def own_file(start: str) -> bool:
    """Whether a file that begins so is a report of tinylm's."""
    return _OWN_FILE.match(start) is not None


def _outputs() -> set[tuple[int, int]]:
    """The files that this command's own output goes to: `tinylm corpus --corpus . 2> log.txt` does not read its log."""
    found = set()
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # closed
            status = os.fstat(descriptor)
            found.add((status.st_dev, status.st_ino))
    return found


def _kind(entry: os.DirEntry[str], outputs: set[tuple[int, int]]) -> str:
    """`file`, `folder`, or why it is left out."""
    if entry.name.startswith("."):
        return "hidden"
    try:
        status = os.stat(entry.path)  # noqa: PTH116
    except OSError:
        return "broken links"
    mode = status.st_mode
    is_folder = stat.S_ISDIR(mode)
    if (status.st_dev, status.st_ino) in outputs:
        return "output of this command"
    if found := litter(entry.name, is_folder=is_folder):
        return found
    if is_folder:
        return "folder"
    return "file" if stat.S_ISREG(mode) else "not regular files"


def _own_folder(folder: Path, names: Collection[str]) -> str | None:
    """What of tinylm's a folder with these entries is, such as `bundle`, or None."""
    if _OWN_RUN.issubset(names):
        return "run"
    for name, (what, keys) in _OWN_FOLDERS.items():
        if name in names and keys <= _keys(folder / name):
            return what
    if "building" in names and "parts" in _keys(folder / "building" / "plan.json"):
        return "dataset"
    return None


def _keys(path: Path) -> set[str]:
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return set()
    return set(record) if isinstance(record, dict) else set()
