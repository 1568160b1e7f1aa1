"""The bundle that a command was given, opened: what is odd in its folder is told on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tinylm.base.errors import say

if TYPE_CHECKING:
    from tinylm.bundle.reading import Bundle


def opened_bundle(named: Path | None, *, strict: bool = False) -> Bundle:
    """The bundle `named`, of the run `named`, or the latest; TinylmError as in `find_bundle` and `open_bundle`."""
    from tinylm.bundle.reading import open_bundle
    from tinylm.bundle.store import find_bundle

    bundle = open_bundle(find_bundle(named), strict=strict)
    if bundle.warning:
        say(bundle.warning)
    return bundle
