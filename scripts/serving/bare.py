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
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


def write(engine, tokenizer, prompt, max_tokens):
    """One text, as `tinylm generate` writes it."""
    clock = time.perf_counter_ns
    begun, first, pieces = clock(), None, []
    ids = (BOS, *tokenizer.encode(prompt))
    request = CompletionRequest(prompt_ids=ids, sampling=Sampling(temperature=0), max_tokens=max_tokens)
    completion = Completion(engine, tokenizer, request)
    for piece in completion:
        if piece:
            first = first or clock()
            pieces.append(piece)
    ended = clock()
    tokens = completion.completion_tokens
    return {"begun_ns": begun, "first_ns": first, "ended_ns": ended, "tokens": tokens, "text": "".join(pieces)}


def main():
    """Answer what comes."""
    bundle = open_bundle(Path(sys.argv[1]))
    os.sched_setaffinity(0, {int(sys.argv[2])})
    tokenizer = Tokenizer(bundle.tokenizer)
    with Engine(bundle, threads=1) as engine:
        for line in sys.stdin:
            asked = json.loads(line)
            answers = [write(engine, tokenizer, prompt, asked["max_tokens"]) for prompt in asked["prompts"]]
            print(json.dumps(answers), flush=True)


main()
