"""The choice of the next token in numpy: for graphs that do not choose themselves, and the reference for those that do.

    token, logprob = sample(logits, sampler)

Same formula and same orders as the sampler of the graph (`tinylm.export.graph.sampler`), so that the same logits and
the same uniform number give the same token: float32 scores, masses and cumulated sums, the latter added in float64.
What may differ is the last digit of an exponential. So both may take neighbouring tokens when the uniform number, or
`top_p`, lies nearer than `BORDER` to a border between two of them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.runtime.backends.contract import logits_not_finite
from tinylm.runtime.libraries import np
from tinylm.runtime.sampling import FORBIDDEN, LARGEST_UNIFORM, Sampler, Sampling

if TYPE_CHECKING:
    from numpy.typing import NDArray

BORDER = 1e-6
"""How far the cumulated mass of two implementations may differ; about 1e-7 as a rule."""

# Shares of the probability below which tokens are left out of the first looks for the top-p set; see `_nucleus`.
_FLOORS = (1e-3, 1e-4)


def sample(logits: NDArray[np.float32] | memoryview[float], sampler: Sampler) -> tuple[int, float]:
    """Choose from float32 [vocab_size] logits with the sampler's next random number, and count the choice as seen.

    Returns the token and its log-probability in nats; errors as in `choose`.
    """
    uniform = sampler.uniform() if sampler.sampling.temperature else 0.0
    token, logprob = choose(logits, sampler.sampling, seen=sampler.seen, uniform=uniform, forbidden=sampler.forbidden)
    sampler.count(token)
    return token, logprob


def choose(
    logits: NDArray[np.float32] | memoryview[float],
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
    scores = _allowed(logits, sampling, seen, forbidden)
    if sampling.temperature == 0:
        return int(scores.argmax()), 0.0
    ids, mass = _candidates(scores, sampling)
    until = _cumulated(mass)
    total = until[-1]
    index = int(until.searchsorted(total * np.float32(uniform), side="right"))
    return int(ids[index]), math.log(mass[index] / total)


def may_choose(
    token: int,
    logits: NDArray[np.float32] | memoryview[float],
    sampling: Sampling,
    *,
    seen: bytes | bytearray,
    uniform: float,
) -> bool:
    """Whether another implementation may choose `token` where `choose` chooses what it does, by `BORDER`.

    It may when the token's share of the cumulated mass comes that near to the uniform number; among unlikely tokens
    several shares do.
    """
    scores = _allowed(logits, sampling, seen, FORBIDDEN)
    if sampling.temperature == 0:
        return token == int(scores.argmax())
    # Where a cumulated mass is very near to top_p, the set may have a token more or less.
    # (1 itself would be another order of candidates.)
    nearby = {min(max(sampling.top_p + by, BORDER), LARGEST_UNIFORM) for by in (-BORDER, 0.0, BORDER)}
    for top_p in {1.0} if sampling.top_p == 1 else nearby:
        ids, mass = _candidates(scores, dataclasses.replace(sampling, top_p=top_p))
        until = _cumulated(mass)
        for index in np.flatnonzero(ids == token):
            start = until[index - 1] if index else 0.0
            if start <= until[-1] * (uniform + BORDER) and until[index] >= until[-1] * (uniform - BORDER):
                return bool(mass[index] > 0)
    return False


def _candidates(scores: NDArray[np.float32], sampling: Sampling) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The ids that can be drawn, in the order of the draw, and their masses."""
    if sampling.top_k:
        ids = _top_k(scores, min(sampling.top_k, scores.size))
        best = scores[ids] / np.float32(sampling.temperature)
        mass = np.exp(best - best[0])
        mass /= mass.sum()
        if sampling.top_p < 1:
            until = _cumulated(mass)
            count = int((until < until[-1] * np.float32(sampling.top_p)).sum()) + 1
            ids, mass = ids[:count], mass[:count]
        return ids, mass
    scaled = scores * (np.float32(1) / np.float32(sampling.temperature))
    scaled -= scaled.max()
    mass = np.exp(scaled, out=scaled)
    mass /= mass.sum()
    if sampling.top_p == 1:
        return np.arange(scores.size), mass
    return _nucleus(scores, mass, np.float32(sampling.top_p))


def _allowed(
    logits: NDArray[np.float32] | memoryview[float],
    sampling: Sampling,
    seen: bytes | bytearray,
    forbidden: Sequence[int],
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


def _top_k(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """The ids of the k largest, in order."""
    least = np.partition(scores, scores.size - k)[scores.size - k]
    # More than k candidates when some equal the k-th; the order decides which of them stay.
    return _ordered(scores, np.flatnonzero(scores >= least))[:k]


def _nucleus(
    scores: NDArray[np.float32], mass: NDArray[np.float32], p: np.float32
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The ids, in order, and the masses of the smallest set of likeliest tokens with at least the share `p`.

    Sorting all logits would take longer than the model. Tokens below a floor are left out before sorting; when the
    rest holds the share `p`, the set lies within it. The last floor always suffices: all that lies below it is
    together less than 1 - p.
    """
    for floor in (*_FLOORS, (1 - p) / mass.size, 0.0):
        candidates = np.flatnonzero(mass > floor)
        if mass[candidates].sum(dtype=np.float64) >= p or floor == 0:
            break
    ids = _ordered(scores, candidates)
    sorted_mass = mass[ids]
    count = int(_cumulated(sorted_mass).searchsorted(p, side="left")) + 1
    return ids[:count], sorted_mass[:count]


def _ordered(scores: NDArray[np.float32], ids: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rising `ids` sorted by falling score; the stable sort leaves equals in the order of their ids."""
    return ids[np.argsort(-scores[ids], kind="stable")]


def _cumulated(mass: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cumulated sums, added in float64 and rounded once."""
    return mass.cumsum(dtype=np.float64).astype(np.float32)
