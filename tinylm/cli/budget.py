"""`tinylm budget report`: what a saved report says, once more and in other forms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.cli.budget_outputs import Html, Junit, Markdown

budget_app = typer.Typer(name="budget", no_args_is_help=True, rich_markup_mode=None, help="Work with budgets' reports.")


@budget_app.command()
def report(
    file: Annotated[
        Path, typer.Argument(metavar="REPORT.json", help="What `tinylm check-budgets --json` printed, in a file.")
    ],
    junit: Junit = None,
    markdown: Markdown = None,
    html: Html = None,
    certify: Annotated[
        bool, typer.Option("--certify", help="Accept nothing but measurements on the budget's own device.")
    ] = False,
) -> None:
    """Make JUnit, Markdown and HTML of a saved report; without any of them, print its table. Nothing is measured.

    The exit code is that of the check: 0 it fits, 1 a limit is exceeded, 2 the file cannot be used, 3 undecided.
    """
    from tinylm.budget.report import exit_code, load_report
    from tinylm.cli.budget_outputs import Outputs

    outputs = Outputs(junit=junit, markdown=markdown, html=html)
    outputs.check()
    saved = load_report(file)
    if outputs.any:
        outputs.write(saved, certify=certify)
    else:
        from rich.console import Console

        from tinylm.budget.table import print_report

        print_report(saved, Console(highlight=False))
    raise typer.Exit(exit_code(saved, certify=certify))
