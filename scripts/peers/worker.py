"""One contestant in a process of its own, with an interpreter of its own: peers pin versions that exclude each other.

    python -P -m peers.worker convert MODULE VARIANT SOURCE FOLDER     makes the contestant's model in FOLDER
    python -P -m peers.worker once MODULE VARIANT FOLDER CORE IDS      prints the first token after IDS: a cold start
    python -P -m peers.worker serve MODULE VARIANT FOLDER CORE         answers one JSON line for each on its input

A module of this folder is a contestant when it has

    PACKAGES                          distributions whose versions are reported
    convert(source, variant, folder)  returns the files that hold the model
    load(folder, variant)             returns an object with
        reset()                       forgets the sequence
        read(ids) -> int              appends ids, returns the likeliest next token; after the first call the ids are
                                      always the one token that it chose itself
        read_logits(ids) -> logits    the same for any ids, returning float32 [vocab_size]
    and, where it can, read_sampled(ids): as `read`, with temperature 0.8, top-k 40 and top-p 0.9

What is imported here counts in every contestant's memory and cold start, so it is little.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path


def main():
    """Do as the first argument says."""
    # Libraries print what they like; the answers keep the real standard output to themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    order, module_name, variant, *rest = sys.argv[1:]
    if order == "convert":
        from peers.source import read_source

        module = importlib.import_module(f"peers.{module_name}")
        files = module.convert(read_source(Path(rest[0])), variant, Path(rest[1]))
        print(json.dumps({"model_bytes": sum(file.stat().st_size for file in files)}), file=answers)
        return
    os.sched_setaffinity(0, {int(rest[1])})
    module = importlib.import_module(f"peers.{module_name}")
    contestant = module.load(Path(rest[0]), variant)
    if order == "once":
        contestant.reset()
        print(contestant.read(json.loads(rest[2])), file=answers)
        return
    print(json.dumps({"versions": versions(module.PACKAGES)}), file=answers)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["order"] == "round":
            answer = play(contestant, contestant.read, asked["ids"], asked["new_tokens"])
            if hasattr(contestant, "read_sampled"):
                sampled = play(contestant, contestant.read_sampled, asked["ids"], asked["new_tokens"])
                answer["sampled_ns"] = sampled["token_ns"]
        elif asked["order"] == "memory":
            answer = {"peak_rss_bytes": peak_rss_bytes()}
        else:
            answer = score(contestant, asked["windows"], asked["prompt_tokens"], asked["path"])
        print(json.dumps(answer), file=answers)


def play(contestant, read, ids, new_tokens):
    """Read the prompt and write on: nanoseconds to the first token, and those of each token after it."""
    clock = time.perf_counter_ns
    start = clock()
    contestant.reset()
    token = read(ids)
    first = clock()
    tokens, times = [token], []
    for _ in range(new_tokens - 1):
        before = clock()
        token = read([token])
        times.append(clock() - before)
        tokens.append(token)
    return {"ttft_ns": first - start, "token_ns": times, "tokens": tokens}


def score(contestant, windows, prompt_tokens, path):
    """Save the logits after each window's prompt, read at once, and after each further token, read one by one."""
    import numpy as np

    rows = []
    for ids in windows:
        contestant.reset()
        pieces = (ids[:prompt_tokens], *([token] for token in ids[prompt_tokens:]))
        rows.extend(np.array(contestant.read_logits(piece), np.float32) for piece in pieces)
    np.save(path, np.stack(rows))
    return {"positions": len(rows)}


def peak_rss_bytes():
    """VmHWM: the most that was ever resident."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def versions(packages):
    """What is installed of `packages`; asking costs memory, so the answer is looked up by name on disk alone."""
    found = {}
    for package in packages:
        stem = package.replace("-", "_")
        for folder in sys.path:
            for match in Path(folder).glob(f"{stem}-*.dist-info") if folder else ():
                found[package] = match.name.removeprefix(f"{stem}-").removesuffix(".dist-info")
    return found


main()
