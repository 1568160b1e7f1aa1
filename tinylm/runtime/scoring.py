"""How many bits a text costs the model: the measure behind bits per byte, the same on the laptop and on the device.

The text is cut into windows of `context_length` tokens without overlap, each read with an empty cache; every token
after BOS is predicted exactly once, from the tokens before it in its window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinylm.runtime.backends.contract import TokenEngine
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


def text_bits(engine: TokenEngine, tokenizer: Tokenizer, text: str) -> tuple[float, int]:
    """Bits that `text` costs, and how many tokens were predicted.

    Each byte that hides behind UNK costs 8 bits on top, so that bits per byte never rewards unknown characters.
    """
    stream = [BOS, *tokenizer.encode(text)]
    nats = score_ids(engine, stream)
    return math.fsum(nats) / math.log(2) + 8 * tokenizer.unknown_bytes(text), len(nats)


def score_ids(engine: TokenEngine, stream: Sequence[int]) -> list[float]:
    """Cross-entropy in nats of every token of `stream` after the first.

    TinylmError when a token is not in the vocabulary or a logit is not a number.
    """
    nats: list[float] = []
    for start in range(0, len(stream) - 1, engine.context_length):
        engine.truncate(0)
        nats += engine.score(stream[start : start + engine.context_length + 1])
    return nats
