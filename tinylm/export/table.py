"""What an export measured, as tables for people on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.export.kernels import describe
from tinylm.numerals import change, number

if TYPE_CHECKING:
    from rich.table import Table

    from tinylm.bundle_quality import LanguageQuality
    from tinylm.export.embedding import EmbeddingChoice
    from tinylm.export.export import ExportResult
    from tinylm.export.quantization import TensorError
    from tinylm.export.report import ExportReport
    from tinylm.export.sensitivity import Sensitivity


def show(result: ExportResult) -> None:
    """Gates, kernels, quality, and for int8 the embedding's choice and, when it was measured, every matrix."""
    from rich.console import Console

    report = result.report
    console = Console(stderr=True, highlight=False)
    console.print(_gates(report))
    for line in describe(report.kernels):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(_quality(result.bundle.manifest.quality))
    if report.embedding:
        console.print(_embedding(report.embedding), soft_wrap=True)
    if report.sensitivities:
        console.print("\nwhat every matrix in int8 costs the model by itself, in millionths; the costliest first:")
        console.print(_matrices(report.sensitivities, report.tensor_errors))


def _table(*headings: str, left: int) -> Table:
    """An empty table whose column number `left` is text; the others are figures, which do not wrap."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, heading in enumerate(headings):
        figures = place != left
        table.add_column(heading, justify="right" if figures else "left", no_wrap=figures, overflow="fold")
    return table


def _gates(report: ExportReport) -> Table:
    table = _table("measured", "limit", "gate", left=2)
    for gate in report.gates:
        table.add_row(number(gate.measured), f"{number(gate.limit)} {gate.unit}", f"{gate.name}: {gate.meaning}")
    return table


def _quality(quality: dict[str, LanguageQuality]) -> Table:
    """A column a language; 95 % intervals in brackets."""
    table = _table("on held-out text (95 % interval)", *quality, left=0)
    table.add_row("UTF-8 bytes of it", *(f"{found.bytes:,}" for found in quality.values()))
    table.add_row("bits per byte", *(f"{found.bpb:.4f}" for found in quality.values()))
    for label, name in (
        ("bits per byte lost", "bpb_increase"),
        ("divergence, nats", "kl"),
        ("same first choice", "top1_agreement"),
        ("perplexity", "perplexity"),
        ("perplexity in fp32", "perplexity_fp32"),
    ):
        table.add_row(label, *(found.shown(name) for found in quality.values()))
    return table


def _embedding(choice: EmbeddingChoice) -> str:
    goal = f"{choice.goal_bpb_increase} bits per byte"
    if choice.cost is None:
        return f"embedding in {choice.precision}: all of int8 together costs no more than {goal}"
    costs = (f"{name} {change(cost.bpb_increase)}" for name, cost in choice.cost.items())
    return f"embedding in {choice.precision}: in int8 it costs {', '.join(costs)}, of at most {goal}"


def _matrices(sensitivities: Sequence[Sensitivity], errors: Sequence[TensorError]) -> Table:
    table = _table("matrix", "shape", "SNR dB", "max error", "µnats", "µbits/byte", left=0)
    by_name = {error.name: error for error in errors}
    for alone in sorted(sensitivities, key=lambda alone: -alone.kl):
        error = by_name[alone.name]
        table.add_row(
            error.name.removesuffix(".weight"),
            "x".join(map(str, error.shape)),
            "exact" if error.snr_db is None else f"{error.snr_db:.1f}",
            number(error.max_abs),
            f"{1e6 * alone.kl:,.1f}",
            f"{1e6 * alone.bpb_increase:+,.0f}",
        )
    return table
