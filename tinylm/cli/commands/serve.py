"""`tinylm serve`: a bundle over HTTP."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tinylm.cli.options.option import takes_options
from tinylm.serve.settings import ServeSettings, words


@takes_options
def serve(
    settings: ServeSettings,
    bundles: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="BUNDLE",
            help="Bundles, or runs that have one, the first is the default; the latest run's bundle when left out.",
        ),
    ] = None,
) -> None:
    """Answer over HTTP as OpenAI's API does, with a page for a browser, until Ctrl-C.

    Only this machine can ask, unless `--host` says otherwise; then clients need the token that is shown.
    """
    from tinylm.base.package import child_environment

    # This process has read a command line, and holds what that takes. The one that serves needs none of it.
    command = [sys.executable, "-P", "-m", "tinylm.serve", *map(str, bundles or []), *words(settings)]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, command, child_environment())
