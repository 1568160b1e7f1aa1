"""What a graph loses against another one on held-out text, each figure with a 95 % confidence interval.

    quality = measure_quality(exported, reference, tokenizer, documents, progress=print)
    quality.bpb_increase, quality.intervals.bpb_increase          # .0002, (.0001, .0004)

The intervals are those of `tinylm.evaluation.bootstrap`, with whole documents drawn: quantization noise stays in the
cache, and a text keeps its subject. (Drawing windows instead gives half the width for perplexity, and 70 % for the
divergence, measured: too narrow.) Both graphs read the same documents: the difference is paired, and what makes a text
hard for both drops out of it. The draws are the same in every export, which therefore gives the same bytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinylm.bundle import LanguageQuality, QualityIntervals
from tinylm.evaluation.bootstrap import FEWEST_UNITS, ends, resample
from tinylm.runtime.engine import Engine
from tinylm.tokenizer import BOS, Tokenizer, normalise

_SECONDS_OF_SILENCE = 5


@dataclass(frozen=True, kw_only=True)
class DocumentSums:
    """What two models say about a document, summed over its tokens; cross-entropies and divergence in nats."""

    tokens: int
    text_bytes: int
    nats: float
    nats_reference: float
    divergence: float
    agreed: int


def measure_quality(
    exported: Engine,
    reference: Engine,
    tokenizer: Tokenizer,
    documents: Sequence[str],
    *,
    progress: Callable[[str], None],
) -> LanguageQuality:
    """Both engines side by side over `documents`, in the windows of `tinylm.runtime.scoring`, whose bits these are.

    `reference` is what the result's names call `fp32`. `progress` hears every five seconds how far it is.
    """
    sums: list[DocumentSums] = []
    told = time.monotonic()
    for text in documents:
        sums.append(_score(exported, reference, tokenizer, text))
        if time.monotonic() - told > _SECONDS_OF_SILENCE:
            progress(f"  {len(sums)} of {len(documents)} documents")
            told = time.monotonic()
    size, count = sum(d.text_bytes for d in sums), sum(d.tokens for d in sums)
    nats, nats_reference = sum(d.nats for d in sums), sum(d.nats_reference for d in sums)
    hidden = 8 * sum(map(tokenizer.unknown_bytes, documents))
    return LanguageQuality(
        tokens=count,
        bytes=size,
        bpb_fp32=(nats_reference / math.log(2) + hidden) / size,
        bpb=(nats / math.log(2) + hidden) / size,
        perplexity=math.exp(nats / count),
        kl=sum(d.divergence for d in sums) / count,
        top1_agreement=sum(d.agreed for d in sums) / count,
        perplexity_fp32=math.exp(nats_reference / count),
        intervals=intervals(sums),
    )


def intervals(sums: Sequence[DocumentSums]) -> QualityIntervals | None:
    """95 % confidence intervals by drawing documents again; None for fewer than FEWEST_UNITS."""
    n = len(sums)
    if n < FEWEST_UNITS:
        return None
    table = np.array([(d.tokens, d.text_bytes, d.nats, d.nats_reference, d.divergence, d.agreed) for d in sums])
    tokens, text_bytes, nats, nats_reference, divergences, agreed = resample(table).T
    return QualityIntervals(
        bpb_increase=ends((nats - nats_reference) / math.log(2) / text_bytes, units=n),
        perplexity=ends(np.exp(nats / tokens), units=n),
        perplexity_fp32=ends(np.exp(nats_reference / tokens), units=n),
        kl=ends(divergences / tokens, units=n),
        top1_agreement=ends(agreed / tokens, units=n),
    )


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities, float64 [V]."""
    shifted: NDArray[np.float64] = logits.astype(np.float64) - logits.max()
    shifted -= math.log(np.exp(shifted).sum())
    return shifted


def divergence(reference: NDArray[np.float32], logits: NDArray[np.float32]) -> float:
    """Kullback-Leibler divergence of two next-token distributions, in nats."""
    expected = log_softmax(reference)
    return float(np.dot(np.exp(expected), expected - log_softmax(logits)))


def _score(exported: Engine, reference: Engine, tokenizer: Tokenizer, text: str) -> DocumentSums:
    stream = [BOS, *tokenizer.encode(text)]
    nats = nats_reference = divergences = 0.0
    agreed = 0
    for position, target in enumerate(stream[1:]):
        if position % exported.context_length == 0:
            exported.truncate(0)
            reference.truncate(0)
        token = stream[position]
        ours = log_softmax(np.asarray(exported.logits(token)))
        theirs = log_softmax(np.asarray(reference.logits(token)))
        nats -= float(ours[target])
        nats_reference -= float(theirs[target])
        divergences += float(np.dot(np.exp(theirs), theirs - ours))
        agreed += int(ours.argmax() == theirs.argmax())
    return DocumentSums(
        tokens=len(stream) - 1,
        text_bytes=len(normalise(text).encode()),
        nats=nats,
        nats_reference=nats_reference,
        divergence=divergences,
        agreed=agreed,
    )
