"""What counting alone reaches on a run's text: the least that a trained model must beat, in any language.

A table of which piece follows which (a bigram model) knows frequent words and their neighbours, and nothing else: what
it writes is noise. A model that predicts the validation text no better than this table writes no better.
"""

from __future__ import annotations

import math
from pathlib import Path

from tinylm.corpus.corpus_files import read_pieces
from tinylm.dataset.shards import TRAIN, Index, open_shard
from tinylm.evaluation.kneser_ney import KneserNey
from tinylm.report.text import words
from tinylm.tokenizer.tokenizer import BOS

_MOST_TRAINING, _MOST_VALIDATION = 1_000_000, 200_000
"""Tokens that are counted, and tokens of each language that are predicted: a second, and 100 MB of memory. Of a longer
text a table of all of it would be a little better, so no model is blamed for more."""
_MOST_WORDS = 50_000


def bigram_bits_per_byte(tokens: Path, index: Index) -> float | None:
    """Bits per byte of a bigram model on the validation text, in the run's own pieces; None without such text."""
    model = KneserNey(open_shard(tokens, index, TRAIN)[:_MOST_TRAINING], vocab_size=index.vocab_size, bos=BOS, order=2)
    bits = text_bytes = 0.0
    for name, shard in index.shards.items():
        if name == TRAIN or not shard.tokens:
            continue
        ids = open_shard(tokens, index, name)[:_MOST_VALIDATION]
        share = len(ids) / shard.tokens
        bits += float(model.nats(ids).sum()) / math.log(2)
        bits += share * 8 * sum(part.unknown_bytes for part in shard.parts)
        text_bytes += share * sum(part.text_bytes for part in shard.parts)
    return bits / text_bytes if text_bytes else None


def unseen_share(validation: Path, known: frozenset[str]) -> float:
    """Share of the words of real text that is not among the `known` ones: what a faultless model's words have, too."""
    unseen = count = 0
    for piece in read_pieces(validation):
        found = words(piece.text)
        count += len(found)
        unseen += sum(word not in known for word in found)
        if count >= _MOST_WORDS:
            break
    return unseen / count if count else 0.0
