"""Does a bundle answer what nobody trained it for: nothing, far too much, characters that it never saw?

    odd_answers(engine, tokenizer)          # what goes wrong, in words; empty when nothing does

The answers are not judged: each is text of known tokens, and every probability on the way is a number.
"""

from __future__ import annotations

import math

from tinylm.base.errors import TinylmError
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import continue_ids, fit_prompt
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, PAD, UNK, Tokenizer

_TOKENS = 8
PROMPTS = {
    "an empty prompt": "",
    "a prompt longer than the context": "once upon a time " * 2000,
    "unknown characters": "\u6f22\u5b57 \U0001f9ea \u0378 e\u0301\u0323 \u200b\u202e",
    "control characters": "\x00\x01\x1b[2J\r\n\t",
    "one word without end": "a" * 5000,
}


def odd_answers(engine: Engine, tokenizer: Tokenizer) -> list[str]:
    """Greedy answers to `PROMPTS`, and one at a high temperature; what goes wrong, a line each."""
    problems = []
    for name, prompt in PROMPTS.items():
        for temperature in (0.0, 2.0):
            try:
                problem = _problem(engine, tokenizer, prompt, Sampling(temperature=temperature, seed=1))
            except TinylmError as error:
                problem = error.message
            if problem:
                problems.append(f"{name}, temperature {temperature:g}: {problem}")
    return problems


def _problem(engine: Engine, tokenizer: Tokenizer, prompt: str, sampling: Sampling) -> str:
    finite = True

    def step(token: int, sampler: Sampler) -> tuple[int, float]:
        nonlocal finite
        token, logprob, likeliest = engine.step_scored(token, sampler, alternatives=1)
        finite &= all(map(math.isfinite, (logprob, *(alternative for _, alternative in likeliest))))
        return token, logprob

    ids = fit_prompt([BOS, *tokenizer.encode(prompt)], context_length=engine.context_length, max_new_tokens=_TOKENS)
    engine.truncate(0)
    answer = list(continue_ids(engine, ids, Sampler(sampling), max_new_tokens=_TOKENS, stop_at_eos=False, step=step))
    if not finite:
        return "a probability is no number"
    if never := {PAD, BOS, UNK} & set(answer):
        return f"token {min(never)} was chosen"
    tokenizer.decode(answer).encode()
    return ""
