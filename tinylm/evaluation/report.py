"""What `tinylm evaluate` found, as one JSON document; and back: a baseline that needs no model any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinylm.base import records
from tinylm.base.errors import TinylmError
from tinylm.base.records import read_file
from tinylm.corpus.cleaning.cleaning import CLEANING
from tinylm.evaluation.bootstrap import CONFIDENCE, DRAWS, SEED
from tinylm.evaluation.comparison import Difference, compare
from tinylm.evaluation.costs import Cost, DocumentCost
from tinylm.evaluation.documents import BLOCK_BYTES, TextDocument, block_count
from tinylm.evaluation.figures import Figures, figures_of
from tinylm.evaluation.units import units_of
from tinylm.tokenizer.tokenizer import NORMALISATION

SCHEMA = "1.0"


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
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

    model: ModelDescription
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


def make_report(text: str, measured: Sequence[tuple[ModelDescription, Sequence[DocumentCost]]]) -> EvaluationReport:
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


@dataclass(frozen=True, kw_only=True)
class _DocumentRow:
    source: str
    language: str
    sha256: str
    ends: bool
    bytes: int
    tokens: int
    nats: float
    unknown_bytes: int
    bits: float
    blocks: tuple[Cost, ...]


@dataclass(frozen=True, kw_only=True)
class _EvaluationTable:
    model: ModelDescription
    figures: tuple[Figures, ...]
    documents: tuple[_DocumentRow, ...]


@dataclass(frozen=True, kw_only=True)
class _Document:
    """The JSON document: a row for every document, so that it can be paired with another model's later."""

    schema: str
    text: str
    normalisation: str
    cleaning: str
    bootstrap: dict[str, float]
    evaluations: tuple[_EvaluationTable, ...]
    comparison: tuple[Difference, ...]


def to_json(report: EvaluationReport) -> str:
    """The report as one JSON document."""
    document = _Document(
        schema=SCHEMA,
        text=report.text,
        normalisation=NORMALISATION,
        cleaning=CLEANING,
        bootstrap={"confidence": CONFIDENCE, "draws": DRAWS, "seed": SEED, "block_bytes": BLOCK_BYTES},
        evaluations=tuple(
            _EvaluationTable(
                model=evaluation.model, figures=evaluation.figures, documents=tuple(map(_row, evaluation.costs))
            )
            for evaluation in report.evaluations
        ),
        comparison=report.comparison,
    )
    return records.to_json(document)


@dataclass(frozen=True)
class SavedEvaluation:
    """One model's figures on a text, from a file."""

    path: Path
    model: ModelDescription
    rows: dict[tuple[str, bool], _DocumentRow]
    """By the document's hash, and whether EOS was predicted after it."""

    def costs(self, documents: Sequence[TextDocument]) -> list[DocumentCost]:
        """What these documents cost; TinylmError when the report was made of another text."""
        costs = []
        for document in documents:
            row = self.rows.get((document.sha256, document.ends))
            if row is None or row.bytes != len(document.text.encode()):
                raise TinylmError(
                    f"`{self.path}` has nothing about `{document.source}` as it is now",
                    "evaluate on the text that the report was made of, or make it again",
                )
            costs.append(DocumentCost(document, row.blocks))
        return costs


def read_saved(path: Path) -> SavedEvaluation:
    """Read what `to_json` wrote of one model; TinylmError when it is none, damaged, or of two models."""
    where = f"`{path}`"
    hint = "name what `tinylm evaluate --json` printed"
    evaluations = read_file(_Document, path, major=1, hint=hint).evaluations
    if len(evaluations) != 1:
        raise TinylmError(f"{where} holds {len(evaluations)} models; one is needed", "evaluate one model with --json")
    (evaluation,) = evaluations
    for row in evaluation.documents:
        if len(row.blocks) != block_count(row.bytes) or sum(block.text_bytes for block in row.blocks) != row.bytes:
            raise TinylmError(f"{where}: the blocks of `{row.source}` do not add up", "make the report again")
    return SavedEvaluation(path, evaluation.model, {(row.sha256, row.ends): row for row in evaluation.documents})


def _row(cost: DocumentCost) -> _DocumentRow:
    document, whole = cost.document, cost.whole
    return _DocumentRow(
        source=document.source,
        language=document.language,
        sha256=document.sha256,
        ends=document.ends,
        bytes=whole.text_bytes,
        tokens=whole.tokens,
        nats=whole.nats,
        unknown_bytes=whole.unknown_bytes,
        bits=whole.bits,
        blocks=cost.blocks,
    )
