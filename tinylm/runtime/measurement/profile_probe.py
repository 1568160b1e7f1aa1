"""The profile probe: the process that `tinylm profile` measures in, with the runtime and nothing more.

    python -m tinylm.runtime.measurement.profile_probe BUNDLE < orders.json > result.json

It is another process than the command because what it loads (onnxruntime, sentencepiece) can die of SIGILL on a
processor that it was not built for, and because the command's own modules shall not stand in the measurement.

Requests are the certified ones (`tinylm.runtime.measurement.probe.do_request`: text in, text out, the bundle's own
sampling) with prompts of other lengths. Operators are those of the graph, timed by ONNX Runtime itself, so these times
are of the backend `onnxruntime`, whatever serves.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import check_tokenizer
from tinylm.runtime.measurement.candidate import BundleCandidate, readable
from tinylm.runtime.measurement.probe import do_request
from tinylm.runtime.measurement.protocol import (
    PROFILE_MAJOR,
    PROFILE_SCHEMA,
    SCHEMA,
    LengthTimes,
    ProbeOrders,
    ProfileOrders,
    ProfileResult,
    answer,
)
from tinylm.runtime.model import Model
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


def run_profile(path: Path, orders: ProfileOrders) -> ProfileResult:
    """Do what is ordered; TinylmError when the bundle cannot be used, or its context holds no such request."""
    bundle = open_bundle(path)
    tokenizer = Tokenizer(bundle.tokenizer)
    for length in (*orders.lengths, orders.traced_prompt_tokens):
        if length + orders.new_tokens > bundle.manifest.model.context_length:
            raise TinylmError(
                f"a request of {length} + {orders.new_tokens} tokens does not fit the bundle's context of"
                f" {bundle.manifest.model.context_length}",
                "ask for fewer new tokens",
            )
    with Model(bundle, threads=orders.threads) as model, Engine(model) as engine:
        check_tokenizer(tokenizer, vocab_size=engine.vocab_size)
        backend = model.backend.name
        lengths = time_lengths(bundle, tokenizer, engine, orders)
    step_us, traced_us = time_operators(bundle, tokenizer, orders) if orders.trace is not None else ([], [])
    return ProfileResult(
        schema=PROFILE_SCHEMA, backend=backend, lengths=lengths, step_us=tuple(step_us), traced_step_us=tuple(traced_us)
    )


def time_lengths(
    bundle: Bundle, tokenizer: Tokenizer, engine: Engine, orders: ProfileOrders
) -> tuple[LengthTimes, ...]:
    """Requests of every length in turns, after a warm-up."""
    plans = [
        ProbeOrders(
            schema=SCHEMA,
            prompts=prompts_of(tokenizer, orders.prompts, length),
            first_request=0,
            prompt_tokens=length,
            new_tokens=orders.new_tokens,
            threads=orders.threads,
            warmup=orders.warmup,
            requests=orders.rounds,
            verify=False,
        )
        for length in orders.lengths
    ]
    candidates = [BundleCandidate(bundle, plan.prompts) for plan in plans]
    rounds = [
        [do_request(candidate, engine, plan, number) for candidate, plan in zip(candidates, plans, strict=True)]
        for number in range(orders.warmup + orders.rounds)
    ][orders.warmup :]
    return tuple(
        LengthTimes(
            prompt_tokens=plan.prompt_tokens,
            latency_ms=tuple(round(timings[place].latency_ns / 1e6, 4) for timings in rounds),
            ttft_ms=tuple(round(timings[place].ttft_ns / 1e6, 4) for timings in rounds),
            itl_ms=tuple(round(timings[place].itl_ns / 1e6, 4) for timings in rounds),
        )
        for place, plan in enumerate(plans)
    )


def time_operators(bundle: Bundle, tokenizer: Tokenizer, orders: ProfileOrders) -> tuple[list[float], list[float]]:
    """The same requests without and with a trace, in turns: microseconds of every decode step that counts.

    The trace holds the warm-up too: for every request one run that reads the prompt but its last token (none when it
    has one token), then one for each new token.
    """
    assert orders.trace is not None
    prompts = prompts_of(tokenizer, orders.prompts, orders.traced_prompt_tokens)
    step_us: list[float] = []
    traced_us: list[float] = []
    with (
        Model(bundle, threads=orders.threads, backend="onnxruntime") as untraced,
        Model(bundle, threads=orders.threads, trace=Path(orders.trace)) as traced,
        Engine(untraced) as untraced_engine,
        Engine(traced) as traced_engine,
    ):
        for number in range(orders.warmup + orders.traced_requests):
            ids = [BOS, *tokenizer.encode(prompts[number % len(prompts)])][: orders.traced_prompt_tokens]
            for engine, times_us in ((untraced_engine, step_us), (traced_engine, traced_us)):
                took_us = _decode(bundle, engine, ids, orders.new_tokens, seed=number)
                if number >= orders.warmup:
                    times_us += took_us
    return step_us, traced_us


def _decode(bundle: Bundle, engine: Engine, ids: list[int], new_tokens: int, *, seed: int) -> list[float]:
    """Microseconds of each decode step after the prompt."""
    sampler = Sampler(Sampling.of(bundle.manifest.generation, seed=seed))
    sampler.observe(ids)
    engine.truncate(0)
    engine.prefill(ids[:-1])
    token, times_us = ids[-1], []
    for _ in range(new_tokens):
        start = time.perf_counter_ns()
        token, _ = engine.step(token, sampler)
        times_us.append((time.perf_counter_ns() - start) / 1e3)
    return times_us


def prompts_of(tokenizer: Tokenizer, prompts: tuple[str, ...], length: int) -> tuple[str, ...]:
    """Texts of about `length` tokens with BOS, never fewer: one that begins with each prompt and goes on with the next.

    A text is as long as its tokens need, because a request's time begins with encoding it.
    """
    return tuple(_text_of(tokenizer, prompts[place:] + prompts[:place], length - 1) for place in range(len(prompts)))


def _text_of(tokenizer: Tokenizer, prompts: tuple[str, ...], tokens: int) -> str:
    text = readable(" ".join(prompts), tokenizer)
    gap = "\n" if "\n" in text else " "
    words = text.split(gap)
    while len(tokenizer.encode(gap.join(words))) < tokens:
        words *= 2
    # The fewest words, by halving: more words are hardly ever fewer tokens, and enough of them is what is kept.
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) // 2
        if len(tokenizer.encode(gap.join(words[:middle]))) < tokens:
            low = middle + 1
        else:
            high = middle
    return gap.join(words[:high])


if __name__ == "__main__":
    sys.exit(answer(run_profile, orders=ProfileOrders, major=PROFILE_MAJOR))
