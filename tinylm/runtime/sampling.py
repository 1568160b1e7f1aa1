"""Logits to the next token: repetition penalty, temperature, top-k, top-p, and one uniform number a token.

The choice is fixed by the logits and that one number, by inverse transform: the candidates stand in a stated order, and
the token is the one in whose share of the summed probability the number falls. A sampler inside the graph can do the
same. The numbers come from Python's Mersenne Twister: the same on every machine, and importing `numpy.random` would
cost a device 2.7 MB (measured).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinylm.errors import TinylmError
from tinylm.runtime.libraries import np
from tinylm.tokenizer import BOS, PAD, UNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_VOCAB_SIZE = 65536  # the largest that ModelConfig allows

# Shares of the probability below which tokens are left out of the first looks for the top-p set; see `_nucleus`.
_FLOORS = (1e-3, 1e-4)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is chosen; applied in the order of the fields from `repetition_penalty` on, then drawn."""

    temperature: float = 1.0
    """0 takes the likeliest token (of equals, the lowest id); above, the logits are divided by it."""
    top_k: int = 0
    """Only the k likeliest tokens (of equals, the lower ids); 0 is off."""
    top_p: float = 1.0
    """Only the smallest set of likeliest tokens whose probability is at least this; 1 is off."""
    repetition_penalty: float = 1.0
    """Divides the positive and multiplies the negative logits of seen tokens (https://arxiv.org/abs/1909.05858)."""
    seed: int | None = None
    """The same seed gives the same tokens; none draws a new one."""

    def __post_init__(self) -> None:
        # Below 0.001 the division could overflow, and the result is the likeliest token anyway.
        if self.temperature != 0 and not 0.001 <= self.temperature <= 100:
            raise TinylmError(f"`temperature` is {self.temperature}; 0, or 0.001 to 100 is needed")
        if self.top_k < 0:
            raise TinylmError(f"`top_k` is {self.top_k}; 0 (off) or more is needed")
        if not 0 < self.top_p <= 1:
            raise TinylmError(f"`top_p` is {self.top_p}; above 0 and at most 1 (off) is needed")
        if not 0.01 <= self.repetition_penalty <= 100:
            raise TinylmError(f"`repetition_penalty` is {self.repetition_penalty}; 0.01 to 100 is needed")
        if self.seed is not None and self.seed < 0:
            raise TinylmError(f"`seed` is {self.seed}; 0 or more is needed")


class Sampler:
    """Chooses tokens for one sequence; keeps the random state and which tokens were seen.

    sampler = Sampler(Sampling(temperature=0.8, top_p=0.95, seed=1))
    sampler.observe(prompt_ids)
    token, logprob = sampler(logits)
    """

    def __init__(self, sampling: Sampling, *, forbidden: tuple[int, ...] = (PAD, BOS, UNK)) -> None:
        self._sampling = sampling
        self._forbidden = [*forbidden]
        self._random = random.Random(sampling.seed)
        self._seen = np.zeros(_MAX_VOCAB_SIZE, np.bool_)
        self._work = np.zeros(0, np.float32)
        self._mass = np.zeros(0, np.float32)

    def observe(self, ids: Iterable[int]) -> None:
        """Count `ids` (a prompt) as seen for the repetition penalty; what the sampler chooses itself counts anyway."""
        for token in ids:
            self._seen[token] = True

    def __call__(self, logits: NDArray[np.float32]) -> tuple[int, float]:
        """Choose from float32 [vocab_size] logits, which stay as they are; return the token and its log-probability.

        The log-probability, in nats, is that under the distribution the token was drawn from. At temperature 0, where
        that would always be 0, it is that of the penalised logits at temperature 1 without top-k and top-p.
        TinylmError when a logit is NaN or infinite, or no token is left to choose.
        """
        sampling, work = self._sampling, self._prepare(logits)
        if sampling.temperature == 0:
            token = int(work.argmax())
            work -= work[token]
            logprob = -math.log(float(np.exp(work, out=self._mass).sum()))
        else:
            work -= work.max()
            work *= np.float32(1 / sampling.temperature)
            token, logprob = self._draw(work)
        self._seen[token] = True
        return token, logprob

    def _prepare(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """A copy of the logits in a buffer of ours, with the penalty applied and forbidden tokens at -inf."""
        if logits.size != self._work.size:
            self._work = np.empty(logits.size, np.float32)
            self._mass = np.empty(logits.size, np.float32)
        work = self._work
        work[:] = logits
        if self._sampling.repetition_penalty != 1:
            seen = np.flatnonzero(self._seen[: work.size])
            values, penalty = work[seen], np.float32(self._sampling.repetition_penalty)
            work[seen] = np.where(values > 0, values / penalty, values * penalty)
        work[self._forbidden] = -np.inf
        if not math.isfinite(work.max()):  # NaN wins every maximum
            raise TinylmError("the model's logits are NaN or infinite", "export the bundle again", exit_code=1)
        return work

    def _draw(self, scaled: NDArray[np.float32]) -> tuple[int, float]:
        """Draw from float32 [vocab_size] logits whose maximum is 0.

        Order of the candidates: with top-k or top-p by falling logit (of equals, the lower id first), else by id.
        """
        top_k, top_p = self._sampling.top_k, self._sampling.top_p
        ids: NDArray[np.intp] | None
        mass: NDArray[np.floating]
        if top_k:
            ids = self._top_k(scaled, min(top_k, scaled.size))
            mass = np.exp(scaled[ids], dtype=np.float64)
            if top_p < 1:
                ids, mass = _cut(ids, mass, top_p * float(mass.sum()))
        elif top_p < 1:
            ids, mass = self._nucleus(scaled, top_p)
        else:
            ids, mass = None, np.exp(scaled, out=self._mass)
        cumulated = mass.cumsum(dtype=np.float64)
        total = float(cumulated[-1])
        # Below the total even after rounding, so that a token without probability is never chosen.
        target = min(self._random.random() * total, math.nextafter(total, 0))
        index = int(cumulated.searchsorted(target, side="right"))
        token = index if ids is None else int(ids[index])
        return token, math.log(mass[index] / total)

    def _top_k(self, scaled: NDArray[np.float32], k: int) -> NDArray[np.intp]:
        """The ids of the k largest, in order."""
        self._mass[:] = scaled
        self._mass.partition(scaled.size - k)
        # More than k candidates when some equal the k-th; the order decides which of them stay.
        return _ordered(scaled, np.flatnonzero(scaled >= self._mass[scaled.size - k]))[:k]

    def _nucleus(self, scaled: NDArray[np.float32], p: float) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
        """The ids, in order, and the masses of the smallest set with at least the share `p` of all mass.

        Sorting 8000 logits would cost more than the model. Tokens below a floor are left out before sorting; when the
        rest holds the share `p`, the set lies within it. The last floor always suffices: all that lies below it is
        together less than 1 - p.
        """
        mass = np.exp(scaled, out=self._mass)
        total = float(mass.sum(dtype=np.float64))
        wanted = p * total
        for floor in (*_FLOORS, (1 - p) / scaled.size, 0.0):
            candidates = np.flatnonzero(mass > floor * total)
            if mass[candidates].sum(dtype=np.float64) >= wanted or floor == 0:
                break
        ids = _ordered(scaled, candidates)
        return _cut(ids, mass[ids].astype(np.float64), wanted)


def _ordered(scaled: NDArray[np.float32], ids: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rising `ids` sorted by falling logit; the stable sort leaves equals in the order of their ids."""
    return ids[np.argsort(-scaled[ids], kind="stable")]


def _cut(
    ids: NDArray[np.intp], mass: NDArray[np.floating], wanted: float
) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """The shortest beginning of `ids` whose mass reaches `wanted`, and its masses."""
    count = int(mass.cumsum().searchsorted(wanted, side="left")) + 1
    return ids[:count], mass[:count]
