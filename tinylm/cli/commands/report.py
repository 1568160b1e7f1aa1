"""`tinylm report`: a run, or several side by side, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.output import Json


def report(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Run folders; the latest when left out, several are compared.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Where the page goes.",
            show_default="report.html in the run; comparison.html here for several",
        ),
    ] = None,
    json: Json = False,
    clipping: Annotated[
        bool,
        typer.Option("--clipping", help="Of two runs, one with --grad-clip 0: their gradients side by side."),
    ] = False,
) -> None:
    """Show how training went: curves, spikes, samples, and what went wrong with its likely cause and remedy.

    The page needs no network. Exit code 2: a folder is no run, or the page cannot be written.
    """
    from tinylm.base.errors import TinylmError
    from tinylm.bundle.store import find_run
    from tinylm.cli.options.output import check_output
    from tinylm.report.outputs import COMPARISON, FILE, to_json, to_lines, write_comparison, write_report

    folders = [find_run(run) for run in runs] if runs else [find_run(None)]
    several = len(folders) > 1
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise TinylmError("a run is named twice", "name each run once")
    if clipping and not several:
        raise TinylmError("--clipping compares two runs; one is named", "name a run with and one without clipping")
    page = output or (COMPARISON if several else folders[0] / FILE)
    if page.suffix != ".html":
        raise TinylmError(f"`{page}` is no name for an HTML page", f"name it `{page.with_suffix('.html')}`")
    check_output(page)
    if several:
        result = write_comparison(folders, output=page, clipping=clipping)
    else:
        result = write_report(folders[0], output=page)
    print(to_json(result) if json else "\n".join(to_lines(result)))
    say(f"wrote {page}")
