"""What became of synthetic devices, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.budget.simulation import DRIFTING, UNSEEN, Outcomes
from tinylm.budget.spec import Budget

if TYPE_CHECKING:
    from rich.console import Console


def print_simulation(budget: Budget, rows: Sequence[tuple[str, float, Outcomes]], console: Console) -> None:
    """One row for each kind of device and ratio; readable at 80 columns and without colour."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("device", no_wrap=True)
    for name in ("p95 at", "pass", "fail", "undecided", "void", "requests"):
        table.add_column(name, justify="right", no_wrap=True)
    for kind, ratio, found in rows:
        shares = (found.passed, found.failed, found.undecided, found.void)
        percent = [f"{100 * count / found.devices:.1f} %" for count in shares]
        table.add_row(kind, f"{ratio:g}", *percent, f"{found.requests:.0f}")
    console.print(table)
    console.print()
    confidence = budget.confidence
    looks, error = ", ".join(map(str, confidence.looks)), 100 * (1 - confidence.level)
    console.print(
        f"{rows[0][2].devices} devices a row, their true p95 at so many times the limit; looks at {looks} requests."
        f" At the limit itself at most {error:.3g} % may pass, and as many fail. What changes while it is measured"
        f" ({', '.join(DRIFTING)}) must be void. Not covered: {', '.join(UNSEEN)}. What few processes never meet they"
        " cannot tell of; more `processes` in the budget meet it."
    )
