"""What is made of logits, float32 [vocab_size], outside the engine that computed them: the next token, or a cost.

    token, logprob = sample(logits, sampler)
    nats = cross_entropy(logits, target)

The native engine chooses where its library is there, else numpy does, with the same result.
"""

from __future__ import annotations

import ctypes
import math
import threading
from ctypes import byref, c_float, c_uint8

from tinylm.base.buffer import Buffer
from tinylm.native.library import NOT_FINITE, NativeUnavailable, load
from tinylm.native.library import Sampling as NativeSampling
from tinylm.runtime.sampling import Sampler, logits_not_finite

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
    size = len(logits)
    scratch: Buffer | None = getattr(_own, "scratch", None)
    if scratch is None or scratch.shape != (4 * (size + 15),):  # the logits, and what the engine asks for
        scratch = _own.scratch = Buffer((4 * (size + 15),), "float32")
    room = 3 * (size + 15)
    scratch.data[room : room + size] = memoryview(logits)
    logprob, forbidden = c_float(), sum(1 << token for token in sampler.forbidden)
    token: int = library.tinylm_choose(
        scratch.address + 4 * room,
        size,
        forbidden,
        byref(native_settings(sampler, size)),
        uniform,
        scratch.address,
        byref(logprob),
    )
    if token < 0:
        assert token == NOT_FINITE  # all else was checked
        raise logits_not_finite()
    return token, logprob.value
