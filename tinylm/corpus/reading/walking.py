"""The files below a folder that people put there: no litter of systems, nothing hidden, nothing that tinylm wrote."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading.litter import litter
from tinylm.corpus.reading.own_outputs import own_folder, refuse_own_folder
from tinylm.corpus.reading.source_names import unreadable
from tinylm.corpus.statistics import Dropped


def walk(folder: Path, dropped: Dropped, problems: list[tuple[Path, TinylmError]]) -> Iterator[Path]:
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
            problems.append((inside, unreadable(inside, error)))
            continue
        names = {entry.name for entry in entries}
        if own := own_folder(inside, names):
            if inside == folder:
                raise refuse_own_folder(folder, own)
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
