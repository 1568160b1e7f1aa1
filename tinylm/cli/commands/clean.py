"""`tinylm clean`: shows what takes space and can go, asks, and frees it."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer


class What(StrEnum):
    """The keys of `tinylm.housekeeping.cleanup.KINDS`."""

    DATASETS = "datasets"
    CHECKPOINTS = "checkpoints"
    IMAGES = "images"
    CACHES = "caches"


def clean(
    what: Annotated[list[What] | None, typer.Argument(metavar="WHAT", help="Only these; all when left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what can go, and end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Free all of it without asking.")] = False,
) -> None:
    """Free what nothing needs any more: datasets, older checkpoints, virtual-Pi images, caches; it asks first.

    WHAT is `datasets`, `checkpoints`, `images` or `caches`. What a run in `runs/` needs stays, and is listed with the
    reason. A run itself goes with `rm -r runs/NAME`; its dataset can be freed afterwards.
    """
    from tinylm.base.errors import TinylmError
    from tinylm.cli.terminal import console
    from tinylm.housekeeping.cleanup import KINDS, disk_uses, remove
    from tinylm.housekeeping.table import megabytes, print_disk_uses

    found = disk_uses([kind for kind in KINDS if not what or kind in what])
    spare = [use for use in found if use.kept is None]
    print_disk_uses(found, console())
    if not spare:
        print("nothing to free")
    if not spare or dry_run:
        return
    if not yes and not sys.stdin.isatty():
        raise TinylmError(
            "nothing was freed: there is no terminal to ask on", "--yes frees it, --dry-run only shows it"
        )
    freed = 0
    for kind in KINDS:
        these = [use for use in spare if use.kind == kind]
        if these and (yes or _agreed(f"free {megabytes(these)} of {kind}? [y/N] ")):
            freed += sum(map(remove, these))
    print(f"freed {freed / 1e6:.1f} MB")


def _agreed(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
