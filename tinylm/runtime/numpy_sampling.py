"""The choice of the next token in numpy, as short as it can be said: the reference of the engines' own choices.

    token, logprob = choose(logits, sampling, seen=sampler.seen, uniform=sampler.uniform())

Same formula and same orders as the native engine and the sampler of the graph (`tinylm.export.graph.sampler`), so that
the same logits and the same uniform number give the same token. Where they differ is in the last digits of
exponentials and sums. So they may take neighbouring tokens when the uniform number, or `top_p`, lies nearer than
`BORDER` to a border between two of them (`may_choose`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.runtime.libraries import np
from tinylm.runtime.sampling import FORBIDDEN, LARGEST_UNIFORM, Sampling, logits_not_finite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Logits = NDArray[np.float32] | memoryview[float]

BORDER = 1e-6
"""How far the cumulated mass of two implementations may differ; about 1e-7 as a rule."""


def choose(
    logits: Logits,
    sampling: Sampling,
    *,
    seen: bytes | bytearray,
    uniform: float,
    forbidden: Sequence[int] = FORBIDDEN,
) -> tuple[int, float]:
    """Choose from float32 [vocab_size] logits, which stay as they are; return the token and its log-probability.

    `seen[token]` is 1 for tokens that the repetition penalty counts; `uniform` is float32, from 0 to below 1. The
    log-probability, in nats, is that under the distribution the token was drawn from: 0 at temperature 0. `forbidden`
    ids are never chosen. TinylmError when a logit is NaN or infinite, or no token is left to choose.
    """
    scores = _scores(logits, sampling, seen, forbidden)
    if sampling.temperature == 0:
        return int(scores.argmax()), 0.0
    ids, mass, until = _candidates(scores, sampling)
    index = int(until.searchsorted(until[-1] * np.float32(uniform), side="right"))
    return int(ids[index]), math.log(mass[index] / until[-1])


def top_logprobs(
    logits: Logits, token: int, *, count: int, forbidden: Sequence[int]
) -> tuple[float, list[tuple[int, float]]]:
    """What `tinylm.runtime.logits.top_logprobs` says, in float64."""
    scores = np.array(logits, np.float64)
    most = scores.max()
    if not math.isfinite(most):  # NaN wins every maximum
        raise logits_not_finite()
    logprobs = scores - most - math.log(np.exp(scores - most).sum())
    listed = logprobs.copy()
    listed[[*forbidden]] = -np.inf
    likeliest = np.argsort(-listed, kind="stable")[:count]
    return float(logprobs[token]), [(int(i), float(listed[i])) for i in likeliest if math.isfinite(listed[i])]


def may_choose(token: int, logits: Logits, sampling: Sampling, *, seen: bytes | bytearray, uniform: float) -> bool:
    """Whether another implementation may choose `token` where `choose` chooses what it does, by `BORDER`.

    It may when the token's share of the cumulated mass comes that near to the uniform number; among unlikely tokens
    several shares do.
    """
    scores = _scores(logits, sampling, seen, FORBIDDEN)
    if sampling.temperature == 0:
        return token == int(scores.argmax())
    # Where a cumulated mass is very near to top_p, the set may have a token more or less.
    # (1 itself would be another order of candidates.)
    nearby = {min(max(sampling.top_p + by, BORDER), LARGEST_UNIFORM) for by in (-BORDER, 0.0, BORDER)}
    for top_p in {1.0} if sampling.top_p == 1 else nearby:
        ids, mass, until = _candidates(scores, dataclasses.replace(sampling, top_p=top_p))
        for index in np.flatnonzero(ids == token):
            start = until[index - 1] if index else 0.0
            if start <= until[-1] * (uniform + BORDER) and until[index] >= until[-1] * (uniform - BORDER):
                return bool(mass[index] > 0)
    return False


def _scores(
    logits: Logits, sampling: Sampling, seen: bytes | bytearray, forbidden: Sequence[int]
) -> NDArray[np.float32]:
    """A copy of the logits with the penalty applied and forbidden tokens at -inf."""
    scores = np.array(logits, np.float32)
    if sampling.repetition_penalty != 1:
        counted = np.flatnonzero(np.frombuffer(seen, np.uint8, count=min(len(seen), scores.size)))
        values, penalty = scores[counted], np.float32(sampling.repetition_penalty)
        scores[counted] = values * np.where(values > 0, np.float32(1) / penalty, penalty)
    scores[[*forbidden]] = -np.inf
    if not math.isfinite(scores.max()):  # NaN wins every maximum
        raise logits_not_finite()
    return scores


def _candidates(
    scores: NDArray[np.float32], sampling: Sampling
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """The ids that can be drawn, in the order of the draw, their masses, and the masses up to each of them."""
    by_size = sampling.top_k or sampling.top_p < 1
    # A stable sort leaves equals in the order of their ids.
    ids = np.argsort(-scores, kind="stable")[: sampling.top_k or None] if by_size else np.arange(scores.size)
    temperature = np.float32(sampling.temperature)
    scaled = scores[ids] / temperature if sampling.top_k else scores[ids] * (np.float32(1) / temperature)
    mass = np.exp(scaled - scaled.max())
    mass /= mass.sum(dtype=np.float64)
    until = mass.cumsum(dtype=np.float64).astype(np.float32)
    if sampling.top_p < 1:
        count = int((until < until[-1] * np.float32(sampling.top_p)).sum()) + 1
        ids, mass, until = ids[:count], mass[:count], until[:count]
    return ids, mass, until
