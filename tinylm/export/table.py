"""What an export measured, as tables for people on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tinylm.export.kernels import describe

if TYPE_CHECKING:
    from rich.table import Table

    from tinylm.bundle import LanguageQuality
    from tinylm.export.export import ExportResult
    from tinylm.export.report import ExportReport


def show(result: ExportResult) -> None:
    """Gates, kernels, quality, and for int8 the embedding's choice and every matrix."""
    from rich.console import Console

    report = result.report
    console = Console(stderr=True, highlight=False)
    console.print(_gates(report))
    for line in describe(report.kernels):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(_quality(result.bundle.manifest.quality))
    if report.embedding:
        costs = (f"{name} {cost.bpb_increase:+.4f}" for name, cost in report.embedding.cost.items())
        console.print(
            f"embedding in {report.embedding.precision}: in int8 it costs {', '.join(costs)} bits per byte,"
            f" of at most {report.embedding.goal_bpb_increase}",
            soft_wrap=True,
        )
    if report.tensor_errors:
        console.print("\nwhat every matrix in int8 costs the model by itself; the costliest first:")
        console.print(_matrices(report))


def _table(*headings: str, left: int) -> Table:
    """An empty table whose column number `left` is text; the others are figures, which do not wrap."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, heading in enumerate(headings):
        figures = place != left
        table.add_column(heading, justify="right" if figures else "left", no_wrap=figures)
    return table


def _gates(report: ExportReport) -> Table:
    table = _table("measured", "limit", "gate", left=2)
    for gate in report.gates:
        table.add_row(f"{gate.measured:.4g}", f"{gate.limit:.4g} {gate.unit}", f"{gate.name}: {gate.meaning}")
    return table


def _quality(quality: dict[str, LanguageQuality]) -> Table:
    """A column a language; 95 % intervals in brackets."""
    table = _table("(95 % interval)", *quality, left=0)
    for label, name, spec in (
        ("bits per byte lost", "bpb_increase", "+.4f"),
        ("divergence, nats", "kl", ".5f"),
        ("same first choice", "top1_agreement", ".1%"),
        ("perplexity", "perplexity", ".1f"),
        ("perplexity in fp32", "perplexity_fp32", ".1f"),
    ):
        table.add_row(label, *(found.shown(name, spec) for found in quality.values()))
    return table


def _matrices(report: ExportReport) -> Table:
    table = _table("matrix", "shape", "SNR dB", "max error", "KL, nats", "bits/byte", left=0)
    for row in _rows(report):
        table.add_row(*row)
    return table


def _rows(report: ExportReport) -> Iterator[tuple[str, ...]]:
    errors = {error.name: error for error in report.tensor_errors}
    for alone in sorted(report.sensitivities, key=lambda alone: -alone.kl):
        error = errors[alone.name]
        yield (
            error.name.removesuffix(".weight"),
            "x".join(map(str, error.shape)),
            "exact" if error.snr_db is None else f"{error.snr_db:.1f}",
            f"{error.max_abs:.1e}",
            f"{alone.kl:.1e}",
            f"{alone.bpb_increase:+.1e}",
        )
