"""`tinylm export`: a run's checkpoint becomes a verified bundle; its path on stdout, what was measured on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tinylm.base.errors import say


def export(
    run: Annotated[
        Path | None, typer.Argument(help="A run folder; the latest run with the checkpoint when left out.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8/--fp32", help="Quantize to 8 bits, or keep 32-bit floating point.")
    ] = True,
    kv_cache: Annotated[
        Literal["fp32", "int8"],
        typer.Option(help="Keys and values; `int8` takes a quarter of the memory, worth it for a long context."),
    ] = "fp32",
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Also measure what every matrix alone costs in 8 bits.")
    ] = False,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME", help="`best`, `final`, or a name in the run's checkpoints/.")
    ] = "best",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the bundle goes; RUN/bundle, or RUN/bundle-fp32, when left out."),
    ] = None,
) -> None:
    """Export a checkpoint to a bundle that was proved against it; refused when parity or quality is lost."""
    from tinylm.base.errors import TinylmError
    from tinylm.bundle.store import BUNDLE, find_run

    if sensitivity and not int8:
        raise TinylmError("`--sensitivity` is about 8 bits, and `--fp32` quantizes no matrix", "leave out one of them")
    run = find_run(run, checkpoint=checkpoint)
    say(f"exporting the checkpoint `{checkpoint}` of {run}")

    from tinylm.export.report import show
    from tinylm.export.run import export_run  # takes seconds to load

    result = export_run(
        run,
        checkpoint=checkpoint,
        scheme="int8" if int8 else "fp32",
        int8_cache=kv_cache == "int8",
        sensitivity=sensitivity,
        folder=output or run / (BUNDLE if int8 else f"{BUNDLE}-fp32"),
        progress=say,
    )
    show(result)
    print(result.bundle.path)
