"""What documents cost a model, block by block, so that stretches of a long document can be drawn again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from tinylm.base.progress import ProgressBar, track
from tinylm.evaluation.documents import Encoded, TextDocument, block_count, encode
from tinylm.evaluation.measures import total_bits
from tinylm.tokenizer.tokenizer import Tokenizer

Scored = tuple[int, int, NDArray[np.floating]]
"""The number of a stream, its first token that is predicted here (0 follows BOS), and the nats from there on."""
Score = Callable[[Sequence[NDArray[np.int64]]], Iterator[Sequence[Scored]]]
"""A model's cross-entropies for streams of ids that begin with BOS: every later token once, in any order, some at a
time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Sums over a part of a text."""

    text_bytes: int
    tokens: int
    """Predicted tokens, EOS among them."""
    nats: float
    unknown_bytes: int

    @property
    def bits(self) -> float:
        return total_bits(self.nats, float(self.unknown_bytes))


@dataclass(frozen=True, slots=True)
class DocumentCost:
    """A document's sums, block by block."""

    document: TextDocument
    blocks: tuple[Cost, ...]

    @property
    def whole(self) -> Cost:
        return _sum(self.blocks)

    def stretches(self, count: int) -> list[Cost]:
        """The document in at most `count` stretches of neighbouring blocks."""
        count = min(count, len(self.blocks))
        borders = [place * len(self.blocks) // count for place in range(count + 1)]
        return [_sum(self.blocks[start:end]) for start, end in pairwise(borders)]


def measure(
    documents: Sequence[TextDocument], *, tokenizer: Tokenizer, score: Score, say: Callable[[str], None]
) -> list[DocumentCost]:
    """What each document costs; `say` is told how far it is."""
    texts = track(documents, "tokens", total=len(documents), unit="documents", say=say)
    encoded = [encode(document, tokenizer) for document in texts]
    nats = [np.zeros(len(found.sizes)) for found in encoded]
    streams = [found.ids for found in encoded]
    total = sum(len(found.sizes) for found in encoded)
    with ProgressBar("scoring", total=total, unit="tokens", say=say) as bar:
        for number, first, values in chain.from_iterable(score(streams)):
            nats[number][first : first + len(values)] = values
            bar.advance(len(values))
    return [_cost(*parts) for parts in zip(documents, encoded, nats, strict=True)]


def _sum(parts: Sequence[Cost]) -> Cost:
    return Cost(
        text_bytes=sum(part.text_bytes for part in parts),
        tokens=sum(part.tokens for part in parts),
        nats=sum(part.nats for part in parts),
        unknown_bytes=sum(part.unknown_bytes for part in parts),
    )


def _cost(document: TextDocument, encoded: Encoded, nats: NDArray[np.float64]) -> DocumentCost:
    size = int(encoded.sizes.sum())
    count, blocks = block_count(size), encoded.blocks
    tokens, costs, unknown = (
        np.bincount(blocks, weights, minlength=count) for weights in (np.ones(len(nats)), nats, encoded.unknown)
    )
    borders = -(-np.arange(count + 1) * size // count)  # of the text, whatever token lies across one
    return DocumentCost(
        document,
        tuple(
            Cost(
                text_bytes=int(borders[i + 1] - borders[i]),
                tokens=int(tokens[i]),
                nats=float(costs[i]),
                unknown_bytes=int(unknown[i]),
            )
            for i in range(count)
        ),
    )
