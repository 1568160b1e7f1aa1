"""`tinylm doctor`: what this board is, and what will bite; findings on stdout, the worst of them in the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.budget import budget_option
from tinylm.cli.options.output import Json


def doctor(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            help="A bundle, a run that has one, or a standalone program; the latest run's bundle when left out."
        ),
    ] = None,
    budget: Annotated[
        str | None, budget_option(help="Compare this machine with a budget's device.", panel=None)
    ] = None,
    json: Json = False,
) -> None:
    """Look at this board: processor, memory, clocks, power, disk, software, and the kernels a bundle gets here.

    Exit code 0: nothing worse than a warning. 1: a problem. 2: bundle, program or budget cannot be used.
    Needs no root and no network.
    """
    from tinylm.base.records import to_json
    from tinylm.budget.spec.budget import load_budget
    from tinylm.doctor.examination import examine

    examination = examine(bundle=bundle, budget=load_budget(budget) if budget else None, announce=say)
    if json:
        print(to_json(examination))
    else:
        from tinylm.cli.terminal import console
        from tinylm.doctor.table import print_examination

        say("")
        print_examination(examination, console())
    raise typer.Exit(examination.exit_code)
