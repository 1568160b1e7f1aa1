"""All that an export measured, for people who judge quantization: BUNDLE-report.json beside a bundle, and tables.

The bundle's manifest holds what a device or a reader of the card needs. The rest is here, tied to it by its hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tinylm.base.numerals import change, number
from tinylm.base.records import write_file
from tinylm.base.text_table import grid
from tinylm.bundle.manifest import LanguageQuality
from tinylm.bundle.reading import Bundle
from tinylm.export.graph.quantization import TensorError
from tinylm.export.kernels import CoreKernels
from tinylm.export.quality.embedding import EmbeddingChoice
from tinylm.export.quality.sensitivity import Sensitivity
from tinylm.export.verification import Gate

Rows = list[tuple[str, ...]]

SCHEMA = "2.0"
"""2.0: `sensitivities`, and the embedding's `cost`, are null where they were not measured."""


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What an export measured. `embedding` and `tensor_errors` are of int8 exports only."""

    schema: str
    manifest_sha256: str
    gates: tuple[Gate, ...]
    kernels: tuple[CoreKernels, ...]
    embedding: EmbeddingChoice | None
    tensor_errors: tuple[TensorError, ...]
    sensitivities: tuple[Sensitivity, ...] | None
    """None unless an int8 export was asked for it."""


@dataclass(frozen=True)
class ExportResult:
    """A bundle that passed its gates, and what was measured."""

    bundle: Bundle
    report: ExportReport


def report_path(bundle: Path) -> Path:
    """Where the report of the bundle in a folder lies."""
    return bundle.with_name(bundle.name + "-report.json")


def write_report(bundle: Bundle, report: ExportReport) -> None:
    """Write the report beside its bundle."""
    write_file(report_path(bundle.path), report)


def show(result: ExportResult) -> None:
    """Print what was measured as tables on stderr; what every matrix costs only where that was asked for."""
    report = result.report
    console = Console(stderr=True, highlight=False)
    console.print(grid(console, ("gate", "measured>", "limit>"), _gates(report), wraps="gate"))
    for core in report.kernels:
        console.print(core.shown, soft_wrap=True)
    console.print()
    quality = result.bundle.manifest.quality
    head = ("on held-out text (95 % interval)", *(f"{language}>" for language in quality))
    console.print(grid(console, head, _quality(quality)))
    if report.embedding:
        console.print(_embedding(report.embedding), soft_wrap=True)
    if report.sensitivities:
        console.print("\nwhat every matrix in int8 costs the model by itself, in millionths; the costliest first:")
        head = ("matrix", "shape>", "SNR dB>", "max error>", "µnats>", "µbits/byte>")
        console.print(grid(console, head, _matrices(report.sensitivities, report.tensor_errors)))


def _gates(report: ExportReport) -> Rows:
    return [
        (f"{gate.name}: {gate.meaning}", number(gate.measured), f"{number(gate.limit)} {gate.unit}")
        for gate in report.gates
    ]


def _quality(quality: Mapping[str, LanguageQuality]) -> Rows:
    """A column a language; 95 % intervals in brackets."""
    rows: Rows = [
        ("UTF-8 bytes of it", *(f"{found.bytes:,}" for found in quality.values())),
        ("bits per byte", *(f"{found.bpb:.4f}" for found in quality.values())),
    ]
    for label, name in (
        ("bits per byte lost", "bpb_increase"),
        ("divergence, nats", "kl"),
        ("same first choice", "top1_agreement"),
        ("perplexity", "perplexity"),
        ("perplexity in fp32", "perplexity_fp32"),
    ):
        rows.append((label, *(found.shown(name) for found in quality.values())))
    return rows


def _embedding(choice: EmbeddingChoice) -> str:
    goal = f"{choice.goal_bpb_increase} bits per byte"
    if choice.cost is None:
        return f"embedding in {choice.precision}: all of int8 together costs no more than {goal}"
    costs = (f"{name} {change(cost.bpb_increase)}" for name, cost in choice.cost.items())
    return f"embedding in {choice.precision}: in int8 it costs {', '.join(costs)}, of at most {goal}"


def _matrices(sensitivities: Sequence[Sensitivity], errors: Sequence[TensorError]) -> Rows:
    rows: Rows = []
    by_name = {error.name: error for error in errors}
    for alone in sorted(sensitivities, key=lambda alone: -alone.kl):
        error = by_name[alone.name]
        rows.append(
            (
                error.name.removesuffix(".weight"),
                "x".join(map(str, error.shape)),
                "exact" if error.snr_db is None else f"{error.snr_db:.1f}",
                number(error.max_abs),
                f"{1e6 * alone.kl:,.1f}",
                f"{1e6 * alone.bpb_increase:+,.0f}",
            )
        )
    return rows
