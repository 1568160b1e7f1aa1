"""`tinylm export`: a run's checkpoint becomes a verified bundle, a bundle one program; its path on stdout, the rest on
stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tinylm.base.errors import say

if TYPE_CHECKING:
    from tinylm.bundle.reading import Bundle


def export(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run folder, or with `--standalone` a bundle; the latest run with the checkpoint when left out."
        ),
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
    standalone: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Also make one program of it that needs nothing else: for a budget's board, such as `pi-zero-2w`,"
            " or a processor, such as `x86_64`.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where the bundle goes; RUN/bundle, or RUN/bundle-fp32, when left out. With `--standalone` the"
            " program's file; beside the bundle when left out.",
        ),
    ] = None,
) -> None:
    """Export a checkpoint to a bundle that was proved against it; refused when parity or quality is lost."""
    from tinylm.base.errors import TinylmError
    from tinylm.bundle.manifest import MANIFEST

    if sensitivity and not int8:
        raise TinylmError("`--sensitivity` is about 8 bits, and `--fp32` quantizes no matrix", "leave out one of them")
    if standalone is not None:
        from tinylm.export.standalone import architecture_of

        architecture_of(standalone)  # what is wrong with it shows before minutes of work
    if run is not None and (run / MANIFEST).is_file():
        if standalone is None:
            raise TinylmError(f"`{run}` is a bundle already", "make a program of it with `--standalone`, or name a run")
        if not int8 or sensitivity or (kv_cache, checkpoint) != ("fp32", "best"):
            raise TinylmError(f"`{run}` is a bundle; how it is quantized stands fixed", "name the run to export again")
        from tinylm.cli.options.bundle import opened_bundle

        _make_program(opened_bundle(run), standalone, output)
        return
    bundle = _export_run(
        run,
        int8=int8,
        int8_cache=kv_cache == "int8",
        sensitivity=sensitivity,
        checkpoint=checkpoint,
        output=output if standalone is None else None,
    )
    if standalone is None:
        print(bundle.path)
    else:
        _make_program(bundle, standalone, output)


def _export_run(
    run: Path | None, *, int8: bool, int8_cache: bool, sensitivity: bool, checkpoint: str, output: Path | None
) -> Bundle:
    from tinylm.bundle.store import BUNDLE, find_run

    run = find_run(run, checkpoint=checkpoint)
    say(f"exporting the checkpoint `{checkpoint}` of {run}")

    from tinylm.export.report import show
    from tinylm.export.run import export_run  # takes seconds to load

    result = export_run(
        run,
        checkpoint=checkpoint,
        scheme="int8" if int8 else "fp32",
        int8_cache=int8_cache,
        sensitivity=sensitivity,
        folder=output or run / (BUNDLE if int8 else f"{BUNDLE}-fp32"),
        progress=say,
    )
    show(result)
    return result.bundle


def _make_program(bundle: Bundle, target: str, output: Path | None) -> None:
    from tinylm.export.standalone import architecture_of, export_standalone

    path = output or bundle.path.parent / f"{bundle.manifest.name}-{architecture_of(target)}"
    made = export_standalone(bundle, target, path, say=say)
    name = made.path.name
    program_kb = (made.size_bytes - made.weights_bytes) / 1e3
    say(made.checked)
    say(
        f"{made.size_bytes / 1e6:.2f} MB for {made.architecture}: {made.weights_bytes / 1e6:.2f} MB of weights, and"
        f" {program_kb:.0f} KB of program, tokenizer and evidence"
    )
    say(f'copy and run it:  scp {made.path} BOARD:  then there  ./{name} "Once upon"')
    print(made.path)
