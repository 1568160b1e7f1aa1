"""Where this very tinylm lies: in a checkout, or installed from a wheel."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder `tinylm/`."""
ROOT = PACKAGE.parent
"""What a child's PYTHONPATH must hold to import the same tinylm; in a checkout, the project's folder."""


def child_environment() -> dict[str, str]:
    """This process's environment, with PYTHONPATH such that `python -P -m tinylm...` runs this very tinylm."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def shipped_folder(inside: str, *, checkout: str) -> Path:
    """A folder of data files: `tinylm/INSIDE` when installed from a wheel, `CHECKOUT` beside the package otherwise."""
    installed = PACKAGE / inside
    return installed if installed.is_dir() else ROOT / checkout
