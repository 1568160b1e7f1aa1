"""Which budget a command measures against, and which earlier report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinylm.cli.options.completion import budgets

if TYPE_CHECKING:
    from tinylm.budget.report import BudgetReport

WHAT = "What is measured"
"""The panel that the help shows these options in."""
_FILE, _HELP = "NAME|FILE", "A shipped budget, or a TOML file of your own."

BudgetArgument = Annotated[str, typer.Argument(metavar=_FILE, help=_HELP, autocompletion=budgets)]
Against = Annotated[
    Path | None,
    typer.Option(
        metavar="OLD.json",
        rich_help_panel=WHAT,
        help="Also compare with an earlier report of this device, made by `--json`.",
    ),
]


def read_earlier(against: Path | None) -> BudgetReport | None:
    """The report to compare with, read before anything is measured; TinylmError when it is none."""
    from tinylm.budget.report import load_report

    return None if against is None else load_report(against)


def budget_option(*, help: str = _HELP, panel: str | None = WHAT, show_default: bool | str = True) -> Any:
    """The option `--budget`; `help` and `show_default` are what a command does with it and without it."""
    return typer.Option(
        metavar=_FILE, rich_help_panel=panel, help=help, show_default=show_default, autocompletion=budgets
    )
