"""How many bits a text costs the model: the measure behind bits per byte, the same on the laptop and on the device.

The text is cut into windows of `context_length` tokens without overlap, each read with an empty cache; every token
after BOS is predicted exactly once, from the tokens before it in its window.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import sub

from tinylm.runtime.backends.contract import TokenEngine, check_token, logits_not_finite
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


def text_bits(engine: TokenEngine, tokenizer: Tokenizer, text: str) -> tuple[float, int]:
    """Bits that `text` costs, and how many tokens were predicted.

    Each byte that hides behind UNK costs 8 bits on top, so that bits per byte never rewards unknown characters.
    """
    stream = [BOS, *tokenizer.encode(text)]
    nats = score_ids(engine, stream)
    return math.fsum(nats) / math.log(2) + 8 * tokenizer.unknown_bytes(text), len(nats)


def cross_entropy(logits: memoryview[float], target: int) -> float:
    """Nats that `target` costs; infinite or NaN when a logit that decides it is."""
    values = logits.tolist()
    best = max(values)
    if not math.isfinite(best):
        return math.nan
    # Python's own functions, applied to the list by its own loops: fast enough without numpy.
    return math.log(math.fsum(map(math.exp, map(sub, values, repeat(best))))) - (values[target] - best)


def score_ids(
    engine: TokenEngine,
    stream: Sequence[int],
    cross_entropy: Callable[[memoryview[float], int], float] = cross_entropy,
) -> list[float]:
    """Cross-entropy in nats of every token of `stream` after the first.

    TinylmError when a token is not in the vocabulary or a logit is not a number.
    """
    nats = []
    for position, target in enumerate(stream[1:]):
        if position % engine.context_length == 0:
            engine.truncate(0)
        logits = engine.logits(stream[position])
        check_token(target, vocab_size=engine.vocab_size)
        cost = cross_entropy(logits, target)
        if not math.isfinite(cost):
            raise logits_not_finite()
        nats.append(cost)
    return nats
