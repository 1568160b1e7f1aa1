"""A board's times without a board or an emulator: what a model does, times what that costs on its cores.

    estimate_modelled(bundle, budget, backend="auto")    # Unmodelled where nobody counted such a model or core
    core = core_for(budget.device)
    predict(work.latency, core.costs)                    # instructions, within a share of core.error

The costs (`cores.py`) were fitted to counts of emulated processors by `scripts/bench_instructions`. What it found is
in docs/benchmarks.md. One thread, the native engine.
"""

from __future__ import annotations

import math
from operator import mul

from tinylm.budget.estimate.cores import CORES, Core
from tinylm.budget.estimate.estimate import (
    Estimate,
    TimeEstimate,
    estimate_time,
    reading_passes,
    with_serving,
)
from tinylm.budget.estimate.work import Unmodelled, Work, request_work
from tinylm.budget.spec.budget import Budget, DeviceMatch
from tinylm.bundle.reading import Bundle
from tinylm.emulation.processors import processor_of
from tinylm.runtime.backends.contract import Backend


def estimate_modelled(bundle: Bundle | None, budget: Budget, *, backend: Backend, serve: bool = False) -> Estimate:
    """Estimate the times of the budget's request on its device, over HTTP with `serve`; at once, on any machine.

    `Unmodelled` says why not, and what to do: for a decoder from elsewhere (no bundle), a budget that does not know its
    device's speed, and whatever no instructions were counted of.
    """
    cost, request = budget.estimate, budget.request
    if cost is None:
        raise Unmodelled(
            f"the budget `{budget.name}` has no `[estimate]`, so nobody knows its device's speed; run this check there"
        )
    if bundle is None:
        raise Unmodelled("a decoder from elsewhere has no model of its instructions; run this check on the board")
    if request.threads > 1:
        raise Unmodelled(
            f"the budget asks for {request.threads} threads, of which one is modelled; run this check there"
        )
    core = core_for(budget.device)
    try:
        if backend == "onnxruntime":
            raise Unmodelled("the backend `onnxruntime` was asked for, and instructions were counted with `native`")
        work = request_work(bundle.manifest, prompt_tokens=request.prompt_tokens, new_tokens=request.new_tokens)
    except Unmodelled as reason:
        raise Unmodelled(f"{reason}; count its instructions with `--virtual-pi`, or run this check there") from reason
    reading, model_bytes = reading_passes(request.prompt_tokens), bundle.model.stat().st_size

    def time(part: Work, passes: int) -> TimeEstimate:
        alone = estimate_time(
            cost,
            instructions=round(predict(part, core.costs)),
            bytes_read=passes * model_bytes,
            passes=passes,
            instructions_error=core.error,
        )
        if not serve:
            return alone
        served = part.requests * core.served.requests + part.tokens * core.served.pieces
        return with_serving(alone, cost, instructions=served)

    return Estimate(
        source="modelled",
        cost=cost,
        requests=0,
        spread=0.0,
        instructions_error=core.error,
        latency=time(work.latency, reading + request.new_tokens),
        ttft=time(work.ttft, reading + 1),
        itl=time(work.itl, 1),
    )


def core_for(device: DeviceMatch) -> Core:
    """The costs of a budget's cores; `Unmodelled` when nothing was counted on such."""
    processor = processor_of(device.arch, device.isa)
    if processor is None:
        which = "any architecture" if device.arch is None else device.arch
        raise Unmodelled(
            f"the budget's device is of {which}, and instructions were counted on ARM and RISC-V cores only; run this"
            " check there"
        )
    return CORES[processor.name]


def predict(work: Work, costs: Work) -> float:
    """Instructions that the work takes."""
    return math.fsum(map(mul, work, costs))
