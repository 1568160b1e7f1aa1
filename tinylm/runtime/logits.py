"""What is made of logits, float32 [vocab_size], outside the engine that computed them: the next token, or a cost.

    token, logprob = sample(logits, sampler)
    nats = cross_entropy(logits, target)

Needs numpy, which is loaded when one of them is first called.
"""

from __future__ import annotations

import math

from tinylm.runtime.sampling import Sampler, logits_not_finite


def sample(logits: memoryview[float], sampler: Sampler) -> tuple[int, float]:
    """Choose with the sampler's next random number, and count the choice as seen.

    Returns the token and its log-probability in nats; errors as in `tinylm.runtime.numpy_sampling.choose`.
    """
    from tinylm.runtime.numpy_sampling import choose

    uniform = sampler.uniform() if sampler.sampling.temperature else 0.0
    token, logprob = choose(logits, sampler.sampling, seen=sampler.seen, uniform=uniform, forbidden=sampler.forbidden)
    sampler.count(token)
    return token, logprob


def cross_entropy(logits: memoryview[float], target: int) -> float:
    """Nats that `target` costs, computed in float64; TinylmError when a logit that decides it is not finite."""
    from tinylm.runtime.libraries import np

    values = np.asarray(logits, np.float64)
    best = values.max()
    nats = float(np.log(np.exp(values - best).sum()) - (values[target] - best)) if math.isfinite(best) else math.nan
    if not math.isfinite(nats):
        raise logits_not_finite()
    return nats
