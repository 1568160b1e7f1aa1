"""What is made of logits, float32 [vocab_size], outside the engine that computed them: the next token, or a cost.

    token, logprob = sample(logits, sampler)
    logprob, likeliest = top_logprobs(logits, token, count=5, forbidden=sampler.forbidden)
    nats = cross_entropy(logits, target)

The native engine chooses where its library is there, else numpy does, with the same result.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Sequence
from ctypes import byref, c_double, c_float, c_int32, c_uint8

from tinylm.base.buffer import Buffer
from tinylm.native.library import NOT_FINITE, NativeUnavailable, load
from tinylm.native.library import Sampling as NativeSampling
from tinylm.runtime.sampling import Sampler, ScoredChoice, logits_not_finite

_own = threading.local()
"""`scratch`: what a thread's last choice worked on."""


def sample(logits: memoryview[float], sampler: Sampler) -> tuple[int, float]:
    """Choose with the sampler's next random number, and count the choice as seen.

    Returns the token and its log-probability in nats; errors as in `tinylm.runtime.numpy_sampling.choose`.
    """
    uniform = sampler.uniform() if sampler.sampling.temperature else 0.0
    try:
        library = load()
    except NativeUnavailable:
        from tinylm.runtime.numpy_sampling import choose

        seen, forbidden = sampler.seen, sampler.forbidden
        token, logprob = choose(logits, sampler.sampling, seen=seen, uniform=uniform, forbidden=forbidden)
    else:
        token, logprob = _choose(library, logits, sampler, uniform)
    sampler.count(token)
    return token, logprob


def sample_scored(logits: memoryview[float], sampler: Sampler, *, alternatives: int) -> ScoredChoice:
    """Choose as `sample` does, and say how likely the model found the choice and so many `alternatives`."""
    token, _ = sample(logits, sampler)
    return token, *top_logprobs(logits, token, count=alternatives, forbidden=sampler.forbidden)


def top_logprobs(
    logits: memoryview[float], token: int, *, count: int, forbidden: Sequence[int]
) -> tuple[float, list[tuple[int, float]]]:
    """How likely `token` and the `count` likeliest tokens are under the softmax of all logits, in nats.

    That is the model's own distribution, whatever the sampler makes of it. The likeliest stand by falling logit, of
    equals the lower id first. `forbidden` ids count in the softmax and are not among them, nor are those at minus
    infinity. TinylmError when a logit is NaN, or the largest is infinite.
    """
    try:
        library = load()
    except NativeUnavailable:
        from tinylm.runtime.numpy_sampling import top_logprobs as in_numpy

        return in_numpy(logits, token, count=count, forbidden=forbidden)
    size, logprob = len(logits), c_double()
    scratch, count = _scratch(size), min(count, size)
    ids, logprobs = (c_int32 * count)(), (c_double * count)()
    scratch.data[:size] = memoryview(logits)
    held: int = library.tinylm_top_logprobs(
        *(scratch.address, size, _bits(forbidden), token, count),
        *(ids, logprobs, byref(logprob), scratch.address + 4 * size),
    )
    if held < 0:
        assert held == NOT_FINITE  # all else was checked
        raise logits_not_finite()
    return logprob.value, list(zip(ids[:held], logprobs[:held], strict=True))


def native_settings(sampler: Sampler, vocab_size: int) -> NativeSampling:
    """How to choose, in the native engine's terms; the sampler must live as long, because its history lies in it."""
    sampling = sampler.sampling
    return NativeSampling(
        temperature=sampling.temperature,
        top_k=min(sampling.top_k, vocab_size),
        top_p=sampling.top_p,
        repetition_penalty=sampling.repetition_penalty,
        seen=ctypes.addressof((c_uint8 * vocab_size).from_buffer(sampler.seen)),
    )


def cross_entropy(logits: memoryview[float], target: int) -> float:
    """Nats that `target` costs, computed in float64; TinylmError when a logit that decides it is not finite."""
    from tinylm.runtime.libraries import np

    values = np.asarray(logits, np.float64)
    best = values.max()
    nats = float(np.log(np.exp(values - best).sum()) - (values[target] - best)) if math.isfinite(best) else math.nan
    if not math.isfinite(nats):
        raise logits_not_finite()
    return nats


def _choose(library: ctypes.CDLL, logits: memoryview[float], sampler: Sampler, uniform: float) -> tuple[int, float]:
    size, logprob = len(logits), c_float()
    scratch = _scratch(size)
    scratch.data[:size] = memoryview(logits)
    token: int = library.tinylm_choose(
        *(scratch.address, size, _bits(sampler.forbidden), byref(native_settings(sampler, size)), uniform),
        *(scratch.address + 4 * size, byref(logprob)),
    )
    if token < 0:
        assert token == NOT_FINITE  # all else was checked
        raise logits_not_finite()
    return token, logprob.value


def _scratch(size: int) -> Buffer:
    """Memory of this thread for the logits, and behind them for what the engine asks for."""
    scratch: Buffer | None = getattr(_own, "scratch", None)
    if scratch is None or scratch.shape != (4 * (size + 15),):
        scratch = _own.scratch = Buffer((4 * (size + 15),), "float32")
    return scratch


def _bits(ids: Sequence[int]) -> int:
    """Ids below 64 as the engine takes them."""
    return sum(1 << token for token in ids)
