"""Removes what can be freed, under the lock of whoever may work there; links are removed, never followed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.housekeeping.disk import held
from tinylm.housekeeping.spare import Piece


def remove(piece: Piece) -> int:
    """Free `piece`; the bytes that went: 0 when somebody has begun to work there meanwhile.

    TinylmError when the system refuses; what went before stays gone.
    """
    assert piece.kept is None, piece
    with held(piece.lock) if piece.lock is not None else held(Path(os.devnull)) as free:
        if not free:
            return 0
        try:
            for path in piece.paths:
                _unlink_links(path)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError as error:
            raise TinylmError(
                f"`{error.filename}` cannot be removed: {error.strerror}", "look at who owns it, and run it again"
            ) from error
    return piece.size_bytes


def _unlink_links(path: Path) -> None:
    """The links beside `path` that name it would point to nothing: they go first."""
    for link in path.parent.iterdir():
        if link.is_symlink() and os.path.realpath(link) == os.path.realpath(path):
            link.unlink()
