"""What became of synthetic devices, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.base.text_table import grid
from tinylm.budget.judge.simulation import DRIFTING, UNSEEN, Outcomes
from tinylm.budget.spec.budget import Budget

if TYPE_CHECKING:
    from rich.console import Console


def print_simulation(budget: Budget, rows: Sequence[tuple[str, float, Outcomes]], console: Console) -> None:
    """One row for each kind of device and ratio; readable at 60 columns and without colour."""
    lines = []
    for kind, ratio, found in rows:
        shares = (found.passed, found.failed, found.undecided, found.void)
        percent = [f"{100 * count / found.devices:.1f} %" for count in shares]
        lines.append((kind, f"{ratio:g}", *percent, f"{found.requests:.0f}"))
    console.print(grid(console, ("device", "p95 at>", "pass>", "fail>", "undecided>", "void>", "requests>"), lines))
    console.print()
    confidence = budget.confidence
    looks, error = ", ".join(map(str, confidence.looks)), 100 * (1 - confidence.level)
    console.print(
        f"{rows[0][2].devices} devices a row, their true p95 at so many times the limit; looks at {looks} requests."
        f" At the limit itself at most {error:.3g} % may pass, and as many fail. What changes while it is measured"
        f" ({', '.join(DRIFTING)}) must be void. Not covered: {', '.join(UNSEEN)}. What few processes never meet they"
        " cannot tell of; more `processes` in the budget meet it."
    )
