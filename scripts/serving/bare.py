"""What a server has inside, without the server: tinylm's runtime in a process of its own, on one core.

    python -P -m serving.bare BUNDLE CORE        answers one JSON line for each on its input

A line says {"prompts": [...], "max_tokens": 64}; the answer has the fields of `serving.clients` for each prompt.
"""

import json
import os
import sys
import time
from pathlib import Path

from tinylm.bundle.reading import open_bundle
from tinylm.runtime.completion import Completion, CompletionRequest
from tinylm.runtime.content_filter import load_filter, text_gates
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


def write(engine, tokenizer, content_filter, prompt, max_tokens):
    """One text, as `tinylm generate` writes it: with the content filter, which a server has too."""
    clock = time.perf_counter_ns
    begun, first, pieces = clock(), None, []
    ids = (BOS, *tokenizer.encode(prompt))
    request = CompletionRequest(prompt_ids=ids, sampling=Sampling(temperature=0), max_tokens=max_tokens)
    gates = text_gates(content_filter, prompt=prompt, redact=False)
    completion = Completion(engine, tokenizer, request, gates=gates)
    for piece in completion:
        if piece:
            first = first or clock()
            pieces.append(piece)
    ended = clock()
    tokens = completion.completion_tokens
    times = {"begun_ns": begun, "first_ns": first, "ended_ns": ended}
    return {**times, "tokens": tokens, "text": "".join(pieces), "error": None}


def main():
    """Answer what comes."""
    bundle = open_bundle(Path(sys.argv[1]))
    os.sched_setaffinity(0, {int(sys.argv[2])})
    tokenizer, content_filter = Tokenizer(bundle.tokenizer), load_filter(None)
    with Engine(bundle, threads=1) as engine:
        for line in sys.stdin:
            asked = json.loads(line)
            answers = [
                write(engine, tokenizer, content_filter, prompt, asked["max_tokens"]) for prompt in asked["prompts"]
            ]
            print(json.dumps(answers), flush=True)


main()
