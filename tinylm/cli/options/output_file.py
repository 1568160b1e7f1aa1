"""Files that a command is asked to write: refused early when they cannot be, or when something would be lost."""

from __future__ import annotations

from pathlib import Path

from tinylm.base.errors import TinylmError


def check_output(file: Path) -> None:
    """TinylmError unless `file` is a new file, or an old one, in a folder that exists."""
    if not file.parent.is_dir():
        raise TinylmError(f"the folder of `{file}` does not exist", f"make it first: mkdir -p {file.parent}")
    if file.is_dir():
        raise TinylmError(f"`{file}` is a folder", "name a file in it")
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise TinylmError(f"`{file}` is a link or a device, which would be replaced", "name a file")
