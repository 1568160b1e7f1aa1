"""How fast one core reads memory: no decoder that reads all its weights for a token can be faster than that.

    python -P -m peers.floor BYTES CORE

Reads a buffer of so many bytes again and again with each of numpy's fast ways to read, and prints the best as JSON. A
model that fits a cache is read from that cache, as it is between tokens.
"""

import json
import os
import sys
import time

import numpy as np

SECONDS_A_WAY = 0.5


def main():
    """Take turns over the ways; the fastest pass of the fastest way counts."""
    size, core = int(sys.argv[1]) // 64 * 64, int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    buffer = np.ones(size, np.uint8)
    target, floats, words = np.empty_like(buffer), buffer.view(np.float32), buffer.view(np.int64)
    ways = {
        "dot of float32": lambda: np.dot(floats, floats),
        "maximum of int64": words.max,
        "maximum of uint8": buffer.max,
        "sum of int64": words.sum,
        "copy": lambda: np.copyto(target, buffer),
    }
    best = dict.fromkeys(ways, float("inf"))
    until = time.perf_counter() + SECONDS_A_WAY * len(ways)
    while time.perf_counter() < until:
        for name, read in ways.items():
            start = time.perf_counter_ns()
            read()
            best[name] = min(best[name], time.perf_counter_ns() - start)
    fastest = min(best, key=best.get)
    print(json.dumps({"bytes": size, "way": fastest, "us": best[fastest] / 1e3, "gb_per_s": size / best[fastest]}))


main()
