"""The figures of one model on a text: for all of it, by language, and by document length, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tinylm.evaluation.bootstrap import FEWEST_UNITS, ends, resample
from tinylm.evaluation.measures import perplexity
from tinylm.evaluation.units import Group, Unit, groups_of, table_of

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How well a model predicts a group of documents; an interval is None where there are too few units."""

    kind: Literal["all", "language", "length"]
    name: str
    documents: int
    units: int
    """What was drawn again: documents, or stretches of long ones."""
    text_bytes: int
    unknown_bytes: int
    tokens: int
    loss: float
    """Nats per token."""
    loss_interval: Interval | None
    perplexity: float
    perplexity_interval: Interval | None
    bits_per_byte: float
    bits_per_byte_interval: Interval | None


def figures_of(units: Sequence[Unit]) -> list[Figures]:
    """The figures of every group that has text."""
    return [_figures(group, [units[place] for place in group.places]) for group in groups_of(units)]


def enough(units: Sequence[Unit]) -> bool:
    """Whether an interval can be computed: five units, and four more than there are languages."""
    return len(units) - len({unit.language for unit in units}) >= FEWEST_UNITS - 1


def _figures(group: Group, units: Sequence[Unit]) -> Figures:
    table = table_of(units)
    bits, nats, tokens, text_bytes = table.sum(axis=0)
    loss = float(nats / tokens)
    loss_interval = bpb_interval = None
    if enough(units):
        languages = [unit.language for unit in units]
        drawn = resample(table, languages)
        strata = len(set(languages))
        with_tokens = drawn[drawn[:, 2] > 0]  # a long word that is one token leaves blocks without any
        loss_interval = ends(with_tokens[:, 1] / with_tokens[:, 2], units=len(units), strata=strata)
        bpb_interval = ends(drawn[:, 0] / drawn[:, 3], units=len(units), strata=strata)
    return Figures(
        kind=group.kind,
        name=group.name,
        documents=len({unit.document for unit in units}),
        units=len(units),
        text_bytes=int(text_bytes),
        unknown_bytes=sum(unit.cost.unknown_bytes for unit in units),
        tokens=int(tokens),
        loss=loss,
        loss_interval=loss_interval,
        perplexity=perplexity(loss),
        # a percentile goes through a rising function unchanged
        perplexity_interval=None
        if loss_interval is None
        else (perplexity(loss_interval[0]), perplexity(loss_interval[1])),
        bits_per_byte=float(bits / text_bytes),
        bits_per_byte_interval=bpb_interval,
    )
