"""A model's costs out of a report that `tinylm evaluate --json` printed: a baseline that needs no model any more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.base.records import check_schema, read
from tinylm.evaluation.costs import Cost, DocumentCost
from tinylm.evaluation.documents import TextDocument, block_count
from tinylm.evaluation.report import Model


@dataclass(frozen=True, kw_only=True)
class _Row:
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
class _Evaluation:
    model: Model
    figures: Any
    documents: tuple[_Row, ...]


@dataclass(frozen=True, kw_only=True)
class _Report:
    schema: str
    text: str
    normalisation: str
    cleaning: str
    bootstrap: Any
    evaluations: tuple[_Evaluation, ...]
    comparison: Any


@dataclass(frozen=True)
class SavedEvaluation:
    """One model's figures on a text, from a file."""

    path: Path
    model: Model
    rows: dict[tuple[str, bool], _Row]
    """By the document's hash, and whether EOS was predicted after it."""

    def costs(self, documents: Sequence[TextDocument]) -> list[DocumentCost]:
        """What these documents cost; TinylmError when the report was made of another text."""
        found = []
        for document in documents:
            row = self.rows.get((document.sha256, document.ends))
            if row is None or row.bytes != len(document.text.encode()):
                raise TinylmError(
                    f"`{self.path}` has nothing about `{document.source}` as it is now",
                    "evaluate on the text that the report was made of, or make it again",
                )
            found.append(DocumentCost(document, row.blocks))
        return found


def read_saved(path: Path) -> SavedEvaluation:
    """Read the report of one model; TinylmError when it is none, damaged, or of two models."""
    where = f"`{path}`"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TinylmError(f"cannot read {where}: {error}", "name what `tinylm evaluate --json` printed") from error
    check_schema(data, major=1, where=where)
    report = read(_Report, data, where)
    if len(report.evaluations) != 1:
        raise TinylmError(
            f"{where} holds {len(report.evaluations)} models; one is needed", "evaluate one model with --json"
        )
    (evaluation,) = report.evaluations
    for row in evaluation.documents:
        if len(row.blocks) != block_count(row.bytes) or sum(block.text_bytes for block in row.blocks) != row.bytes:
            raise TinylmError(f"{where}: the blocks of `{row.source}` do not add up", "make the report again")
    return SavedEvaluation(path, evaluation.model, {(row.sha256, row.ends): row for row in evaluation.documents})
