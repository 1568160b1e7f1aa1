"""Where what tinylm remembers on this machine is kept: `tinylm` under the user's state folder (`XDG_STATE_HOME`)."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path | None:
    """`$XDG_STATE_HOME/tinylm` or `~/.local/state/tinylm`, which need not be there yet; None without a home folder."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if given.startswith("/"):  # A relative one is to be ignored, says the XDG base directory specification.
        return Path(given, "tinylm")
    try:
        return Path.home() / ".local" / "state" / "tinylm"
    except RuntimeError:
        return None
