"""Does the server answer what came with the bundle, and what the runtime answers by itself?"""

from __future__ import annotations

from collections.abc import Sequence

from tinylm.runtime.generation import TextDecoder
from tinylm.runtime.measurement.candidate import BundleCandidate
from tinylm.runtime.measurement.golden import short
from tinylm.serve.measurement.client import FILTERED, Client, Refusal

_GREEDY = {"temperature": 0, "repetition_penalty": 1, "top_k": 0, "top_p": 1, "ignore_eos": True}


def served_differences(client: Client, candidate: BundleCandidate) -> list[str]:
    """Where the server's greedy texts differ from the bundle's golden tokens, in words.

    Left out is what the server's content filter keeps back: it cannot be compared.
    """
    differences = []
    for prompt in candidate.bundle.golden().prompts:
        if not prompt.ids:
            continue
        name, expected = short(prompt.prompt), _text(candidate, prompt.ids, after=prompt.prompt_ids[-1])
        try:
            answer = client.complete({**_GREEDY, "prompt": list(prompt.prompt_ids), "max_tokens": len(prompt.ids)})
        except Refusal as refusal:
            if refusal.code != FILTERED:
                differences.append(f"the server after the prompt `{name}`: {refusal}")
            continue
        if answer.finish_reason != FILTERED and answer.text != expected:
            differences.append(
                f"the server after the prompt `{name}`: `{short(answer.text)}` instead of `{short(expected)}`"
            )
    return differences


def _text(candidate: BundleCandidate, ids: Sequence[int], *, after: int) -> str:
    decoder = TextDecoder(candidate.tokenizer, after=after)
    return "".join(map(decoder.push, ids)) + decoder.flush()
