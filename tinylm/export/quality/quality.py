"""What a graph loses against the trained model on held-out text, each figure with a 95 % confidence interval.

    quality = summarise(score_documents(by_graph(model), by_module(module), documents, tokenizer=tokenizer, ...))
    quality.bpb_increase, quality.intervals.bpb_increase          # .0002, (.0001, .0004)

The intervals are those of `tinylm.evaluation.bootstrap`, with whole documents drawn: quantization noise stays in the
cache, and a text keeps its subject, so that intervals from windows would be too narrow. Both read the same documents:
the difference is paired, and what makes a text hard for both drops out of it. The draws are the same in every export,
which therefore gives the same bytes.

Every core scores windows of its own, with one thread: how many cores there are changes no bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tinylm.base.cores import usable_cores
from tinylm.base.progress import ProgressBar
from tinylm.bundle.manifest import LanguageQuality, QualityIntervals
from tinylm.evaluation.bootstrap import FEWEST_UNITS, ends, resample
from tinylm.evaluation.measures import total_bits
from tinylm.evaluation.model_scoring import Window, batches
from tinylm.export.quality.predictions import Predict
from tinylm.tokenizer.tokenizer import BOS, Tokenizer, normalise

_BATCH_TOKENS = 512
"""Positions that a core has the logits of at a time: twice 512 x 8000 in fp32 are 33 MB."""
_ROWS = 32
_MOST_WORKERS = 8
"""More would wait for one another: what is around a run of the graph is Python."""


@dataclass(frozen=True, kw_only=True)
class DocumentSums:
    """What two models say about a document, summed over its tokens; cross-entropies and divergence in nats."""

    tokens: int
    text_bytes: int
    unknown_bytes: int
    """Those of them that hide behind UNK."""
    nats: float
    nats_reference: float
    divergence: float
    agreed: int


Score = Callable[[Sequence[str]], list[DocumentSums]]
"""What two models say about each of some documents."""


def score_documents(
    exported: Predict,
    reference: Predict,
    documents: Sequence[str],
    *,
    tokenizer: Tokenizer,
    context_length: int,
    say: Callable[[str], None],
) -> list[DocumentSums]:
    """What both say about each document, in the windows of `tinylm.runtime.scoring`, whose bits these are.

    `say` is told how far it is.
    """
    streams = [np.array([BOS, *tokenizer.encode(text)]) for text in documents]

    def score(batch: Sequence[Window]) -> list[NDArray[np.float64]]:
        windows = [streams[number][first : first + length].tolist() for number, first, length in batch]
        targets = [streams[number][first + 1 : first + 1 + length] for number, first, length in batch]
        return list(map(_sums, exported(windows), reference(windows), map(torch.from_numpy, targets)))

    work = list(batches(streams, context_length, tokens=_BATCH_TOKENS))
    totals = np.zeros((len(documents), 4))
    everything = sum(len(stream) - 1 for stream in streams)
    with (
        _one_thread_each(),
        ThreadPoolExecutor(min(usable_cores(), _MOST_WORKERS)) as pool,
        ProgressBar("quality", total=everything, unit="tokens", say=say) as bar,
    ):
        for batch, sums in zip(work, pool.map(score, work), strict=True):
            for (number, _, length), found in zip(batch, sums, strict=True):
                totals[number] += found
                bar.advance(length)
    return [
        DocumentSums(
            tokens=len(stream) - 1,
            text_bytes=len(normalise(text).encode()),
            unknown_bytes=tokenizer.unknown_bytes(text),
            nats=float(nats),
            nats_reference=float(nats_reference),
            divergence=float(divergence),
            agreed=int(agreed),
        )
        for text, stream, (nats, nats_reference, divergence, agreed) in zip(documents, streams, totals, strict=True)
    ]


def summarise(sums: Sequence[DocumentSums]) -> LanguageQuality:
    """The quality of all documents together; the reference is what the result's names call `fp32`."""
    size, count = sum(d.text_bytes for d in sums), sum(d.tokens for d in sums)
    nats, nats_reference = sum(d.nats for d in sums), sum(d.nats_reference for d in sums)
    hidden = sum(d.unknown_bytes for d in sums)
    return LanguageQuality(
        tokens=count,
        bytes=size,
        bpb_fp32=total_bits(nats_reference, hidden) / size,
        bpb=total_bits(nats, hidden) / size,
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


def divergence(reference: Tensor, logits: Tensor) -> float:
    """Kullback-Leibler divergence of next-token distributions in nats, summed over the positions of logits [T, V]."""
    return _divergence(reference.log_softmax(-1), logits.log_softmax(-1))


def _sums(exported: Tensor, reference: Tensor, targets: Tensor) -> NDArray[np.float64]:
    """Of a window: cross-entropy of both, their divergence, and how often their first choice is the same.

    The softmax is in float32, as in training: a token's cost is good to 1e-6 nats, and errors of 40,000 cancel out.
    """
    sums = np.zeros(4)
    # A few at a time stay in the processor's cache, and the system need not find memory for each.
    for start in range(0, len(targets), _ROWS):
        ours, theirs, following = (values[start : start + _ROWS] for values in (exported, reference, targets))
        log_ours, log_theirs = ours.log_softmax(-1), theirs.log_softmax(-1)
        sums += (
            -float(log_ours.gather(1, following[:, None]).double().sum()),
            -float(log_theirs.gather(1, following[:, None]).double().sum()),
            _divergence(log_theirs, log_ours),
            int((ours.numpy().argmax(-1) == theirs.numpy().argmax(-1)).sum()),  # a tenth of what torch's argmax takes
        )
    return sums


def _divergence(expected: Tensor, found: Tensor) -> float:
    return float(F.kl_div(found, expected, log_target=True, reduction="none").sum(-1).double().sum())


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let torch use one thread for an operation: the cores have work already, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
