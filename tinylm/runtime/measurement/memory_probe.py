"""The memory probe: where the probe's memory goes, step by step, and whether it grows.

    python -m tinylm.runtime.measurement.memory_probe BUNDLE < orders.json > result.json

A process of its own, because looking that closely takes time and a little memory: the certified numbers come from
`tinylm.runtime.measurement.probe`. It loads one part after the other and reads after each how much memory belongs to no
file; at the end it reads how much of every file is resident. Both together are the ledger, and can be compared with the
kernel's own sum. The key/value cache is filled to its last byte, as by the longest text.
"""

from __future__ import annotations

from tinylm.runtime.measurement import proc_self

_INTERPRETER = proc_self.anonymous_bytes()  # before anything else is imported

import importlib  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

if TYPE_CHECKING:
    from tinylm.runtime.measurement.protocol import MemoryResult, ProbeOrders

_READINGS = 20
"""Of the growth, evenly spread over the requests."""


def run_memory_probe(path: Path, orders: ProbeOrders) -> MemoryResult:
    """Build up, read, do the requests; TinylmError when the bundle or the orders are unusable."""
    from tinylm.runtime.backends.opening import serving
    from tinylm.runtime.engine import Engine
    from tinylm.runtime.measurement.candidate import open_candidate
    from tinylm.runtime.measurement.probe import check_fits, do_request, process_memory
    from tinylm.runtime.measurement.protocol import SCHEMA, MemoryGrowth, MemoryResult, MemoryStep

    steps: list[MemoryStep] = []

    def step(name: str, now: int | None) -> None:
        if now is not None:
            steps.append(MemoryStep(name=name, anonymous_bytes=now))

    step("interpreter", _INTERPRETER)
    step("tinylm and the standard library", proc_self.anonymous_bytes())
    candidate = open_candidate(path, orders)
    check_fits(candidate, orders)
    step("tokenizer", proc_self.anonymous_bytes())
    if orders.decoder is None and serving(orders.backend) == "native":
        importlib.import_module("tinylm.runtime.backends.native")
        step("native engine", proc_self.anonymous_bytes())
    else:
        importlib.import_module("tinylm.runtime.libraries")
        step("numpy", proc_self.anonymous_bytes())
        importlib.import_module("tinylm.runtime.backends.onnxruntime_session")
        step("onnxruntime", proc_self.anonymous_bytes())
    with candidate.open_engine(threads=orders.threads, backend=orders.backend) as engine:
        step("graph and weights", proc_self.anonymous_bytes())
        if isinstance(engine, Engine):
            engine.fill_cache()
            step("key/value cache", proc_self.anonymous_bytes())
        for number in range(orders.warmup):
            do_request(candidate, engine, orders, number)
        step("working memory of a request", proc_self.anonymous_bytes())
        growth = []
        every = max(1, orders.requests // _READINGS)
        for number in range(1, orders.requests + 1):
            do_request(candidate, engine, orders, number)
            if number % every == 0 and (now := proc_self.anonymous_bytes()) is not None:
                growth.append(MemoryGrowth(requests=number, anonymous_bytes=now))
        files, memory = proc_self.mapped_file_bytes(), process_memory()
    return MemoryResult(schema=SCHEMA, steps=tuple(steps), growth=tuple(growth), files_bytes=files, memory=memory)


if __name__ == "__main__":
    from tinylm.runtime.measurement.protocol import MAJOR, ProbeOrders, answer

    sys.exit(answer(run_memory_probe, orders=ProbeOrders, major=MAJOR))
