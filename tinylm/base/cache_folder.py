"""Where what can be made or fetched again is kept: `tinylm/NAME` under the user's cache folder (`XDG_CACHE_HOME`)."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """The folder for one kind of thing; it need not be there yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # Relative paths there are to be ignored (https://specifications.freedesktop.org/basedir-spec).
    cache = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return cache / "tinylm" / name
