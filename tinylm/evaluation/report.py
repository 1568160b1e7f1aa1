"""What `tinylm evaluate` found, as one JSON document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinylm.corpus.cleaning.cleaning import CLEANING
from tinylm.evaluation.bootstrap import CONFIDENCE, DRAWS, SEED
from tinylm.evaluation.comparison import Difference, compare
from tinylm.evaluation.costs import DocumentCost
from tinylm.evaluation.documents import BLOCK_BYTES
from tinylm.evaluation.figures import Figures, figures_of
from tinylm.evaluation.units import units_of
from tinylm.tokenizer.tokenizer import NORMALISATION

SCHEMA = "1.0"


@dataclass(frozen=True, kw_only=True)
class Model:
    """What was evaluated."""

    name: str
    """As it was named, or found."""
    kind: str
    """`checkpoint`, or `bundle`."""
    description: str
    vocab_size: int
    context_length: int
    precision: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One model's figures, and every document's costs."""

    model: Model
    figures: tuple[Figures, ...]
    costs: tuple[DocumentCost, ...]


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """One model, or two and how they differ."""

    text: str
    """Which text, in words."""
    evaluations: tuple[Evaluation, ...]
    comparison: tuple[Difference, ...]
    """Empty for one model; otherwise a row a group, the first for all of the text."""

    @property
    def tokens_differ(self) -> bool:
        """The models read the text in different tokens, so that what is per token means something else for each."""
        return len({tuple(cost.whole.tokens for cost in evaluation.costs) for evaluation in self.evaluations}) > 1

    @property
    def is_worse(self) -> bool:
        """The second model is significantly worse on all of the text."""
        return bool(self.comparison) and self.comparison[0].verdict == "worse"


def make_report(text: str, measured: Sequence[tuple[Model, Sequence[DocumentCost]]]) -> EvaluationReport:
    """The report of one model's costs, or of two models' costs of the same documents."""
    units = [units_of(costs) for _, costs in measured]
    return EvaluationReport(
        text=text,
        evaluations=tuple(
            Evaluation(model=model, figures=tuple(figures_of(parts)), costs=tuple(costs))
            for (model, costs), parts in zip(measured, units, strict=True)
        ),
        comparison=tuple(compare(*units)) if len(units) == 2 else (),
    )


def to_json(report: EvaluationReport) -> str:
    """The report with a row for every document, so that it can be paired with another one later."""
    data = {
        "schema": SCHEMA,
        "text": report.text,
        "normalisation": NORMALISATION,
        "cleaning": CLEANING,
        "bootstrap": {"confidence": CONFIDENCE, "draws": DRAWS, "seed": SEED, "block_bytes": BLOCK_BYTES},
        "evaluations": [
            {
                "model": dataclasses.asdict(evaluation.model),
                "figures": [dataclasses.asdict(figures) for figures in evaluation.figures],
                "documents": [_row(cost) for cost in evaluation.costs],
            }
            for evaluation in report.evaluations
        ],
        "comparison": [dataclasses.asdict(difference) for difference in report.comparison],
    }
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)


def _row(cost: DocumentCost) -> dict[str, Any]:
    whole = cost.whole
    return {
        "source": cost.document.source,
        "language": cost.document.language,
        "sha256": cost.document.sha256,
        "ends": cost.document.ends,
        "bytes": whole.text_bytes,
        "tokens": whole.tokens,
        "nats": whole.nats,
        "unknown_bytes": whole.unknown_bytes,
        "bits": whole.bits,
        "blocks": [dataclasses.asdict(block) for block in cost.blocks],
    }
