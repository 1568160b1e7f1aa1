"""BUNDLE-report.json, beside a bundle: all that its export measured, for people who judge quantization.

The bundle's manifest holds what a device or a reader of the card needs. The rest is here, tied to it by its hash.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.files import write_atomic
from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import to_json
from tinylm.export.graph.quantization import TensorError
from tinylm.export.kernels import CoreKernels
from tinylm.export.quality.embedding import EmbeddingChoice
from tinylm.export.quality.sensitivity import Sensitivity
from tinylm.export.verification import Gate

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


def report_path(bundle: Path) -> Path:
    """Where the report of the bundle in a folder lies."""
    return bundle.with_name(bundle.name + "-report.json")


def write_report(bundle: Bundle, report: ExportReport) -> None:
    """Write the report beside its bundle."""
    write_atomic(report_path(bundle.path), to_json(dataclasses.asdict(report)))
