"""How many bits a text costs the model: the measure behind bits per byte, the same on the laptop and on the device.

The text is cut into windows of `context_length` tokens without overlap, each read with an empty cache; every token
after BOS is predicted exactly once, from the tokens before it in its window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.errors import TinylmError
from tinylm.runtime.engine import Engine
from tinylm.runtime.libraries import np
from tinylm.tokenizer import BOS, Tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray


def text_bits(engine: Engine, tokenizer: Tokenizer, text: str) -> tuple[float, int]:
    """Bits that `text` costs, and how many tokens were predicted.

    Each byte that hides behind UNK costs 8 bits on top, so that bits per byte never rewards unknown characters.
    """
    stream = [BOS, *tokenizer.encode(text)]
    nats = score_ids(engine, stream)
    return float(nats.sum()) / math.log(2) + 8 * tokenizer.unknown_bytes(text), len(nats)


def score_ids(engine: Engine, stream: Sequence[int]) -> NDArray[np.float64]:
    """Cross-entropy in nats, float64 [len(stream) - 1], of every token of `stream` after the first.

    TinylmError when a token is not in the vocabulary or a logit is not a number.
    """
    nats = np.zeros(max(len(stream) - 1, 0), np.float64)
    work = np.empty(engine.vocab_size, np.float64)
    for position, target in enumerate(stream[1:]):
        if position % engine.context_length == 0:
            engine.truncate(0)
        work[:] = engine.logits(stream[position])
        if not 0 <= target < engine.vocab_size:
            raise TinylmError(f"the token id {target} is not in the vocabulary of {engine.vocab_size}")
        best, target_logit = float(work.max()), float(work[target])
        if not (math.isfinite(best) and math.isfinite(target_logit)):
            raise TinylmError("the model's logits are NaN or infinite", "export the bundle again", exit_code=1)
        work -= best
        nats[position] = math.log(np.exp(work, out=work).sum()) - (target_logit - best)
    return nats
