"""How the next token is chosen: repetition penalty, temperature, top-k, top-p, and one uniform number a token.

The choice is fixed by the logits and that one number, by inverse transform: the candidates stand in a stated order
(with top-k or top-p by falling logit, of equals the lower id first; else by id), and the token is the one in whose
share of the summed probability the number falls. The native engine does it, the graph of a bundle in ONNX Runtime
(`tinylm.export.graph.sampler`), and `tinylm.runtime.logits` for logits from elsewhere. This module holds what all need,
without numpy.

The numbers come from Python's Mersenne Twister: the same on every machine.

    sampler = Sampler(Sampling(temperature=0.8, top_p=0.95, seed=1))
    sampler.observe(prompt_ids)
    token, logprob = engine.step(token, sampler)         # or logits.sample(logits, sampler)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinylm.base.errors import TinylmError
from tinylm.tokenizer.tokenizer import BOS, PAD, UNK

if TYPE_CHECKING:
    from tinylm.bundle.manifest import GenerationDefaults

FORBIDDEN = (PAD, BOS, UNK)
"""Never chosen by tinylm's own models."""

MAX_SEED = 2**64 - 1
"""Any 64-bit number; the probe and other programs count with such."""
LEAST_TEMPERATURE = 0.001
LEAST_TOP_P = 1e-9
"""Far less becomes 0 as float32."""
_MAX_VOCAB_SIZE = 65536  # the largest that ModelConfig allows
LARGEST_UNIFORM = 1 - 2.0**-24
"""The largest float32 below 1."""

ScoredChoice = tuple[int, float, list[tuple[int, float]]]
"""A chosen token, its log-probability, and the likeliest ids with theirs (`tinylm.runtime.logits.top_logprobs`)."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is chosen; applied in the order of the fields from `repetition_penalty` on, then drawn."""

    temperature: float = 1.0
    """0 takes the likeliest token (of equals, the lowest id); above, the logits are divided by it."""
    top_k: int = 0
    """Only the k likeliest tokens (of equals, the lower ids); 0 is off, as is any k above the vocabulary's size."""
    top_p: float = 1.0
    """Only the smallest set of likeliest tokens whose probability is at least this; 1 is off."""
    repetition_penalty: float = 1.0
    """Divides the positive and multiplies the negative logits of seen tokens (https://arxiv.org/abs/1909.05858)."""
    seed: int | None = None
    """The same seed, of 64 bits, gives the same tokens; none draws a new one."""

    def __post_init__(self) -> None:
        # Below that the division could overflow, and the result is the likeliest token anyway.
        if self.temperature != 0 and not LEAST_TEMPERATURE <= self.temperature <= 100:
            raise TinylmError(f"`temperature` is {self.temperature}; 0, or {LEAST_TEMPERATURE} to 100 is needed")
        if self.top_k < 0:
            raise TinylmError(f"`top_k` is {self.top_k}; 0 (off) or more is needed")
        # What float32 makes 0 of would be no set of tokens; so little is the likeliest token anyway.
        if not LEAST_TOP_P <= self.top_p <= 1:
            raise TinylmError(f"`top_p` is {self.top_p}; {LEAST_TOP_P:.9f} to 1 (off) is needed")
        if not 0.01 <= self.repetition_penalty <= 100:
            raise TinylmError(f"`repetition_penalty` is {self.repetition_penalty}; 0.01 to 100 is needed")
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise TinylmError(f"`seed` is {self.seed}; 0 to {MAX_SEED} is needed")

    @classmethod
    def of(cls, defaults: GenerationDefaults, *, seed: int | None = None) -> Sampling:
        """A bundle's own settings."""
        return cls(
            temperature=defaults.temperature,
            top_k=defaults.top_k,
            top_p=defaults.top_p,
            repetition_penalty=defaults.repetition_penalty,
            seed=seed,
        )


class Sampler:
    """The state of choosing tokens for one sequence: random numbers, and which tokens were seen."""

    def __init__(
        self, sampling: Sampling, *, vocab_size: int = _MAX_VOCAB_SIZE, forbidden: Sequence[int] = FORBIDDEN
    ) -> None:
        """`vocab_size` is the largest that is met; `forbidden` ids are never chosen outside a graph that chooses."""
        self.sampling = sampling
        self.seen = bytearray(vocab_size)
        """1 for every token that the repetition penalty counts."""
        self.changes = 0
        """Grows with every change of `seen`, so that a copy of it knows when it is old."""
        self.forbidden = forbidden
        self._random = random.Random(sampling.seed)

    def observe(self, ids: Iterable[int]) -> None:
        """Count `ids`, such as a prompt, as seen for the repetition penalty."""
        for token in ids:
            self.seen[token] = 1
        self.changes += 1

    def count(self, token: int) -> None:
        """Count a chosen token as seen."""
        self.seen[token] = 1
        self.changes += 1

    def uniform(self) -> float:
        """The next random number, from 0 to below 1, also when it is rounded to float32."""
        return min(self._random.random(), LARGEST_UNIFORM)


def logits_not_finite() -> TinylmError:
    """The error for logits that are NaN or infinite."""
    return TinylmError("the model's logits are NaN or infinite", "export the bundle again", exit_code=1)
