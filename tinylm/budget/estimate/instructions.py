"""A board's times without a board or an emulator: what a bundle's graph does, times what that costs on its cores.

    estimate_modelled(bundle, budget, backend="auto")    # Unmodelled where nobody counted such a graph or core
    core = core_for(budget.device)
    predict(work.latency, core.costs)                    # instructions, within a share of core.error

The costs were fitted to counts of an emulated board. `scripts/bench_instructions` counts, fits and prints these tables;
what it found stands in docs/benchmarks.md. One thread, the backend `onnxruntime`, with the kernels of the versions
that were counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import mul

from tinylm.budget.estimate.estimate import Estimate, TimeEstimate, estimate_time, reading_passes
from tinylm.budget.estimate.work import Unmodelled, Work, request_work
from tinylm.budget.spec.budget import ARM_64, Budget, DeviceMatch
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend


def estimate_modelled(bundle: Bundle | None, budget: Budget, *, backend: Backend) -> Estimate:
    """Estimate the times of the budget's request on its device; at once, on any machine.

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
        if backend == "native":
            raise Unmodelled("the backend `native` was asked for, and instructions were counted with `onnxruntime`")
        work = request_work(bundle, prompt_tokens=request.prompt_tokens, new_tokens=request.new_tokens)
    except Unmodelled as reason:
        raise Unmodelled(f"{reason}; count its instructions with `--virtual-pi`, or run this check there") from reason
    reading, model_bytes = reading_passes(request.prompt_tokens), bundle.model.stat().st_size

    def time(part: Work, passes: int) -> TimeEstimate:
        return estimate_time(
            cost,
            instructions=round(predict(part, core.costs)),
            bytes_read=passes * model_bytes,
            passes=passes,
            instructions_error=core.error,
        )

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


_DOT_PRODUCTS = "asimddp"
_OTHER_KERNELS = ("i8mm", "sve", "sve2", "svei8mm")
"""Flags of cores for which ONNX Runtime has kernels that nobody counted."""


@dataclass(frozen=True, kw_only=True)
class Core:
    """What work costs on one kind of core."""

    costs: Work
    """Instructions for one of each quantity."""
    error: float
    """The largest relative error of a prediction, over all requests of all shapes, fitted or held out."""


def core_for(device: DeviceMatch) -> Core:
    """The costs of a budget's cores; `Unmodelled` when nothing was counted on such."""
    if device.arch not in ARM_64:
        which = "any architecture" if device.arch is None else device.arch
        raise Unmodelled(
            f"the budget's device is of {which}, and instructions were counted on 64-bit ARM cores only; run this"
            " check there"
        )
    if other := [flag for flag in _OTHER_KERNELS if flag in device.isa]:
        raise Unmodelled(
            f"the budget's device has `{other[0]}`, and no instructions were counted on such a core; run this"
            " check there"
        )
    return WITH_DOT_PRODUCTS if _DOT_PRODUCTS in device.isa else WITHOUT_DOT_PRODUCTS


def predict(work: Work, costs: Work) -> float:
    """Instructions that the work takes."""
    return math.fsum(map(mul, work, costs))


WITHOUT_DOT_PRODUCTS = Core(
    costs=Work(
        requests=286100.0,
        reading_runs=89010.0,
        choosing_runs=202800.0,
        greedy_runs=51430.0,
        nodes=7422.0,
        int8_rows=0.3167,
        int8_chunks=0.224,
        float_rows=0.4268,
        float_chunks=0.3032,
        int8_channels=13.32,
        float_channels=6.205,
        heads=978.1,
        head_positions=28.33,
        row_positions=3.629,
        top_k_logits=8.919,
        greedy_logits=2.229,
    ),
    error=0.04,
)
"""Counted on a Cortex-A53: Raspberry Pi Zero 2 W and 3. A Pi 4 (A72, the same instructions) is judged by them too."""
WITH_DOT_PRODUCTS = Core(
    costs=Work(
        requests=326200.0,
        reading_runs=29150.0,
        choosing_runs=183500.0,
        greedy_runs=23100.0,
        nodes=7457.0,
        int8_rows=0.1932,
        int8_chunks=0.08405,
        float_rows=0.4334,
        float_chunks=0.3038,
        int8_channels=11.74,
        float_channels=6.356,
        heads=1249.0,
        head_positions=26.61,
        row_positions=3.68,
        top_k_logits=9.225,
        greedy_logits=4.305,
    ),
    error=0.06,
)
"""Cortex-A76: Raspberry Pi 5."""
