"""`tinylm profile`: where a bundle's time goes on this machine, by prompt length, operator and layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.bundle import BundleArgument, opened_bundle
from tinylm.cli.options.output import OUTPUT, Json


def profile(
    bundle: BundleArgument = None,
    requests: Annotated[int, typer.Option(help="Requests that count, for every prompt length.")] = 30,
    new_tokens: Annotated[
        int | None,
        typer.Option(help="Tokens that each request generates; 20, or fewer where the context is short."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads that run the model.")] = 1,
    json: Json = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", rich_help_panel=OUTPUT, help="Also draw it, as SVG.")
    ] = None,
) -> None:
    """Time a bundle here: latency by prompt length, and each token by operator and by layer.

    A description of this machine, never a verdict. Exit code 2: the bundle or an option cannot be used.
    """
    from tinylm.base.errors import TinylmError
    from tinylm.base.records import to_json
    from tinylm.profile.measure import profile_bundle

    if plot is not None and plot.suffix != ".svg":
        raise TinylmError(f"`{plot}` is no name for an SVG picture", f"name it `{plot.with_suffix('.svg')}`")
    opened = opened_bundle(bundle)
    say(f"profiling {opened.path}")
    measured = profile_bundle(opened, requests=requests, threads=threads, new_tokens=new_tokens, announce=say)
    if json:
        print(to_json(measured))
    else:
        from tinylm.cli.terminal import console
        from tinylm.profile.table import print_profile

        say("")
        print_profile(measured, console())
    if plot is not None:
        from tinylm.base.files import write_atomic
        from tinylm.profile.plot import plot as draw

        write_atomic(plot, draw(measured).encode())
        say(f"\nwrote {plot}")
