"""One profile from start to end: orders, the measuring process, its trace, the report.

report = profile_bundle(open_bundle(path), requests=30, threads=1, new_tokens=None, announce=print)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.budget.report import BundleId
from tinylm.budget.spec.prompts import PROMPTS
from tinylm.bundle.reading import Bundle
from tinylm.machine.device import device_facts
from tinylm.onnx.graph_file import read_onnx
from tinylm.profile.breakdown import Breakdown, break_down, mean_us, timing_cost_us
from tinylm.profile.layers import layer_finder, layer_names
from tinylm.profile.lengths import choose_new_tokens, prompt_lengths, traced_prompt_tokens
from tinylm.profile.probe import probe_command, run_profile_probe
from tinylm.profile.profile import SCHEMA, LengthTimings, Profile, summarise
from tinylm.profile.trace import GraphRun, read_trace
from tinylm.runtime.measurement.protocol import PROFILE_SCHEMA, LengthTimes, ProfileOrders

WARMUP = 3
"""The first requests touch memory and files for the first time, and a clock goes up only under load."""
_MOST_TRACED_REQUESTS = 10
"""200 tokens average out well, and each leaves 100 events or more in memory until the end."""


def profile_bundle(
    bundle: Bundle, *, requests: int, threads: int, new_tokens: int | None, announce: Callable[[str], None]
) -> Profile:
    """Measure on this machine; `requests` are counted for every prompt length.

    TinylmError when an argument is out of range, the bundle cannot be used, or the measuring process ended badly.
    """
    for what, value in (("requests", requests), ("threads", threads)):
        if value < 1:
            raise TinylmError(f"`--{what}` is {value}; at least 1 is needed", f"leave `--{what}` out, or raise it")
    context = bundle.manifest.model.context_length
    new_tokens = choose_new_tokens(context, new_tokens)
    lengths = prompt_lengths(context, new_tokens)
    traced_requests = min(requests, _MOST_TRACED_REQUESTS)
    announce(
        f"{requests} requests of each of {', '.join(map(str, lengths))} tokens + {new_tokens} new ones, in turns;"
        f" then {traced_requests} with their operators timed"
    )
    with tempfile.TemporaryDirectory(prefix="tinylm-profile-") as folder:
        orders = ProfileOrders(
            schema=PROFILE_SCHEMA,
            prompts=PROMPTS,
            lengths=lengths,
            rounds=requests,
            traced_prompt_tokens=traced_prompt_tokens(context, new_tokens),
            traced_requests=traced_requests,
            trace=str(Path(folder, "operators")),
            new_tokens=new_tokens,
            threads=threads,
            warmup=WARMUP,
        )
        with ProgressBar("profile", say=announce):
            result = run_profile_probe(probe_command(bundle.path), orders)
        runs = read_trace(_only_file(Path(folder)))
    step_us, traced_step_us = summarise(result.step_us), summarise(result.traced_step_us)
    steps, reads = _counted(runs, orders)
    step_mean_us = mean_us(result.step_us)
    layer, order = layer_finder(read_onnx(bundle.model)), layer_names(bundle.manifest.model.n_layer)
    cost_us = timing_cost_us(steps, step_mean_us, layer=layer)

    def breakdown(of: list[GraphRun], tokens: int) -> Breakdown:
        return break_down(of, tokens=tokens, cost_us=cost_us, layer=layer, layer_order=order)

    return Profile(
        schema=SCHEMA,
        bundle=BundleId(name=bundle.manifest.name, sha256=bundle.manifest_sha256),
        device=device_facts(),
        backend=result.backend,
        threads=threads,
        new_tokens=new_tokens,
        warmup=WARMUP,
        lengths=tuple(_length_timings(times) for times in result.lengths),
        decode=breakdown(steps, 1),
        prefill=breakdown(reads, orders.traced_prompt_tokens - 1) if reads else None,
        step_us=step_us,
        step_mean_us=round(step_mean_us, 3),
        traced_step_us=traced_step_us,
        timing_cost_us=round(cost_us, 3),
        tracing_ratio=round(traced_step_us.p50 / step_us.p50, 3),
    )


def _only_file(folder: Path) -> Path:
    files = sorted(folder.iterdir())
    if len(files) != 1:
        raise TinylmError(
            f"ONNX Runtime wrote {len(files)} files of operator times; 1 was expected",
            "is the folder for temporary files full?",
            exit_code=1,
        )
    return files[0]


def _counted(runs: tuple[GraphRun, ...], orders: ProfileOrders) -> tuple[list[GraphRun], list[GraphRun]]:
    """The counted decode steps, and the counted readings of prompts: see `time_operators` for what the trace holds."""
    reads = int(orders.traced_prompt_tokens > 1)
    of_request = reads + orders.new_tokens
    expected = (orders.warmup + orders.traced_requests) * of_request
    if len(runs) != expected:
        raise TinylmError(
            f"ONNX Runtime timed the operators of {len(runs)} runs; there were {expected}",
            "ask for fewer requests",
            exit_code=1,
        )
    counted = range(orders.warmup * of_request, expected)
    steps = [runs[place] for place in counted if place % of_request >= reads]
    return steps, [runs[place] for place in counted if place % of_request < reads]


def _length_timings(times: LengthTimes) -> LengthTimings:
    ttft_ms = summarise(times.ttft_ms)
    return LengthTimings(
        prompt_tokens=times.prompt_tokens,
        latency_ms=summarise(times.latency_ms),
        ttft_ms=ttft_ms,
        itl_ms=summarise(times.itl_ms),
        prefill_tokens_per_s=round(times.prompt_tokens / ttft_ms.p50 * 1e3, 1),
    )
