"""Runs and bundles, and what can be freed, as tables for people."""

from __future__ import annotations

import textwrap
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tinylm.base.printable import printable
from tinylm.budget.formats.wording import VERDICTS
from tinylm.housekeeping.cleanup import KINDS, DiskUse
from tinylm.housekeeping.inventory import InventoryItem

if TYPE_CHECKING:
    from rich.console import Console

_STATES = {
    "running": "running now",
    "unfinished": "not finished: `--resume` continues it",
    "trained": "trained: `tinylm export` makes its bundle",
    "damaged": "damaged: `tinylm bundle verify` says why",
    "whole": "not checked",
}


def print_inventory(items: list[InventoryItem], console: Console) -> None:
    """Each under its whole name, which can be copied, whatever the width."""
    from rich.text import Text

    for item in items:
        bundle = "no bundle" if item.bundle_mb is None else f"bundle {item.bundle_mb:.2f} MB"
        bits = "" if item.bits_per_byte is None else f"{item.bits_per_byte:.3f} bits per byte"
        date = datetime.fromisoformat(item.date).astimezone().strftime("%Y-%m-%d %H:%M")
        figures = f"{date}  {item.disk_mb:>8.1f} MB on disk  {bundle:<14}  {bits:<19}  {_checked(item)}"
        console.print(Text(printable(item.path)), soft_wrap=True)
        for line in textwrap.wrap(figures, console.width, initial_indent="  ", subsequent_indent="  "):
            console.print(Text(line), soft_wrap=True)


def print_disk_uses(found: list[DiskUse], console: Console) -> None:
    """What can go, by kind and with what that costs; then what stays, and why."""
    from rich.text import Text

    for kind, about in KINDS.items():
        spare = [use for use in found if use.kind == kind and use.kept is None]
        if spare:
            console.print(Text(f"{about.what}: {megabytes(spare)} ({about.cost})"))
            for use in spare:
                console.print(Text(f"  {use.size_bytes / 1e6:>9.1f} MB  {_short(use.name)}"), soft_wrap=True)
            console.print()
    if kept := [use for use in found if use.kept is not None]:
        console.print("what stays:")
        for use in kept:
            line = f"  {use.size_bytes / 1e6:>9.1f} MB  {_short(use.name)}: {printable(use.kept or '')}"
            console.print(Text(line, style="dim"), soft_wrap=True)
        console.print()


def megabytes(found: list[DiskUse]) -> str:
    return f"{sum(use.size_bytes for use in found) / 1e6:.1f} MB"


def _checked(item: InventoryItem) -> str:
    if item.checked is None:
        return _STATES[item.state]
    return f"budget {item.checked.budget}: {VERDICTS[item.checked.verdict]}, {item.checked.basis}"


def _short(path: str) -> str:
    """With `~` for the home folder."""
    home = f"{Path.home()}/"
    return printable(f"~/{path.removeprefix(home)}" if path.startswith(home) else path)
