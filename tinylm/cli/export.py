"""`tinylm export`: a run's checkpoint becomes a verified bundle; the bundle's path on stdout, the gates on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from tinylm.export.export import ExportResult


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
    checkpoint: Annotated[str, typer.Option(help="`best`, `final`, or a name in the run's checkpoints/.")] = "best",
    output: Annotated[
        Path | None, typer.Option(help="Where the bundle goes; RUN/bundle, or RUN/bundle-fp32, when left out.")
    ] = None,
) -> None:
    """Export a checkpoint to a bundle that was proved against it; refused when parity or quality is lost."""
    from tinylm.export.run import export_run
    from tinylm.runs import BUNDLE, find_run

    run = find_run(run, checkpoint=checkpoint)
    result = export_run(
        run,
        checkpoint=checkpoint,
        scheme="int8" if int8 else "fp32",
        int8_cache=kv_cache == "int8",
        folder=output or run / (BUNDLE if int8 else f"{BUNDLE}-fp32"),
        progress=lambda message: print(message, file=sys.stderr, flush=True),
    )
    _show(result)
    print(result.bundle.path)


def _show(result: ExportResult) -> None:
    """The gates, and the matrix that quantization served worst, as a table on stderr."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from tinylm.export.verification import GOAL_BPB_INCREASE

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in ("measured", "limit"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("gate")
    for gate in result.verification.gates:
        table.add_row(f"{gate.measured:.4g}", f"{gate.limit:.4g} {gate.unit}", f"{gate.name}: {gate.meaning}")
    console = Console(stderr=True)
    console.print(table)
    for language, quality in result.verification.quality.items():
        increase = quality.bpb - quality.bpb_fp32
        console.print(
            f"{language}: {quality.bpb:.4f} bits per byte ({increase:+.4f} against fp32, goal {GOAL_BPB_INCREASE}),"
            f" divergence {quality.kl:.5f} nats, same first choice {quality.top1_agreement:.1%}"
        )
    noisy = [error for error in result.tensor_errors if error.snr_db is not None]
    if noisy:
        worst = min(noisy, key=lambda error: error.snr_db or 0.0)
        console.print(f"least exact tensor: {worst.name}, {worst.snr_db:.1f} dB, off by at most {worst.max_abs:.3g}")
