"""The latency probe: a fresh process that does the certified requests and measures itself, and only the runtime.

    python -m tinylm.runtime.measurement.probe BUNDLE < orders.json > result.json

What is measured is a bundle, or what the orders say of a decoder in the folder BUNDLE
(`tinylm.runtime.measurement.candidate`).

The budget check starts several of them and judges; the probe only measures. It reports its own peak memory (`VmHWM`),
with nothing in it that serving would not have, and so read before the verification. Between the requests runs a small
fixed piece of work, whose processor time shows whether the clock stayed what it was.

Times are `time.perf_counter_ns`. A request is timed from text to text: encoding, prefill, decoding and the streamed
text, sampled with the bundle's own defaults.
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.contract import TokenEngine
from tinylm.runtime.generation import generate_ids
from tinylm.runtime.measurement.candidate import Candidate, open_candidate
from tinylm.runtime.measurement.golden import short
from tinylm.runtime.measurement.proc_self import kilobyte_fields, since_start_ms, waited_ns
from tinylm.runtime.measurement.protocol import MAJOR, SCHEMA, ProbeOrders, ProbeResult, ProcessMemory, Stage, answer

_BLOCK_BYTES = 512  # of ru_inblock, whatever the disk's own (man 2 getrusage)


def run_probe(path: Path, orders: ProbeOrders) -> ProbeResult:
    """Open what lies at `path`, do the requests, measure, and verify when asked to; TinylmError when it is unusable."""
    stages = [Stage(name="start Python, import libraries", until_ms=since_start_ms())]
    candidate = open_candidate(path, orders)
    check_fits(candidate, orders)
    stages.append(Stage(name=f"open and verify the {candidate.kind}", until_ms=since_start_ms()))
    with candidate.open_engine(threads=orders.threads, backend=orders.backend) as engine:
        stages.append(Stage(name="load the model", until_ms=since_start_ms()))

        def do(number: int) -> Timing:
            return do_request(candidate, engine, orders, number)

        before_first = since_start_ms()
        ttft_ns = do(0).ttft_ns
        cold_start_ms = None if before_first is None else round(before_first + ttft_ns / 1e6, 3)
        storage_read_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_inblock * _BLOCK_BYTES
        stages.append(Stage(name="first request", until_ms=since_start_ms()))
        for number in range(1, orders.warmup):
            do(number)

        # Whatever other threads a library has: with one thread, only this one's time is the requests'.
        cpu_clock = time.thread_time_ns if orders.threads == 1 else time.process_time_ns
        timings, begins, work_ns, cpu_ns, waits = [], [], [fixed_work_ns()], 0, []
        usage = resource.getrusage(resource.RUSAGE_SELF)
        for number in range(orders.first_request, orders.first_request + orders.requests):
            waited = waited_ns() if orders.threads == 1 else None
            cpu, begin = cpu_clock(), time.perf_counter_ns()
            timings.append(do(number))
            own_ns = cpu_clock() - cpu
            cpu_ns += own_ns
            if waited is not None:  # what lies before the request begins or after it ended is no part of it
                waits.append(max(0, min((waited_ns() or 0) - waited, timings[-1].latency_ns - own_ns)))
            begins.append(begin)
            work_ns.append(fixed_work_ns())
        after = resource.getrusage(resource.RUSAGE_SELF)
        memory = process_memory()
        verification = candidate.verify(engine) if orders.verify else None
    return ProbeResult(
        schema=SCHEMA,
        engine=engine.software,
        first_request=orders.first_request,
        at_ms=tuple(in_ms(begin - begins[0]) for begin in begins),
        latency_ms=tuple(in_ms(timing.latency_ns) for timing in timings),
        ttft_ms=tuple(in_ms(timing.ttft_ns) for timing in timings),
        itl_ms=tuple(in_ms(timing.itl_ns) for timing in timings),
        work_ms=tuple(in_ms(work) for work in work_ns),
        cold_start_ms=cold_start_ms,
        storage_read_bytes=storage_read_bytes,
        stages=tuple(stages),
        memory=memory,
        requests_cpu_ms=in_ms(cpu_ns),
        involuntary_switches=after.ru_nivcsw - usage.ru_nivcsw,
        major_faults=after.ru_majflt - usage.ru_majflt,
        verification=verification,
        waited_ms=tuple(map(in_ms, waits)) if len(waits) == len(timings) else (),
    )


def check_fits(candidate: Candidate, orders: ProbeOrders) -> None:
    """TinylmError when it cannot take the ordered request."""
    needed = orders.prompt_tokens + orders.new_tokens
    if needed > candidate.context_length:
        raise TinylmError(
            f"the request of {orders.prompt_tokens} + {orders.new_tokens} tokens does not fit the {candidate.kind}'s"
            f" context of {candidate.context_length}",
            "train with a larger `context_length`, or choose a budget with a smaller request",
        )
    for place, prompt in enumerate(orders.prompts):
        if (length := len(candidate.prompt_ids(place))) < orders.prompt_tokens:
            raise TinylmError(
                f"a request reads {orders.prompt_tokens} tokens; the prompt `{short(prompt)}` has only {length}",
                "lower `prompt_tokens` in the budget",
            )


@dataclass(frozen=True)
class Timing:
    latency_ns: int
    ttft_ns: int
    itl_ns: int
    text: str


def do_request(candidate: Candidate, engine: TokenEngine, orders: ProbeOrders, number: int) -> Timing:
    """Do the request with this number, which fixes its prompt and its random numbers, and time it."""
    place = number % len(orders.prompts)
    engine.truncate(0)
    start = time.perf_counter_ns()
    ids = candidate.prompt_ids(place)[: orders.prompt_tokens]
    sampler, stream, text, at_ns = candidate.sampler(seed=number), candidate.text_stream(after=ids[-1]), "", []
    for token in generate_ids(engine, ids, sampler, max_new_tokens=orders.new_tokens, stop_at_eos=False):
        text += stream.push(token)
        at_ns.append(time.perf_counter_ns())
    text += stream.flush()
    end = time.perf_counter_ns()
    if len(at_ns) != orders.new_tokens:
        raise RuntimeError(f"{len(at_ns)} tokens came where {orders.new_tokens} were ordered")
    first, last = at_ns[0], at_ns[-1]
    return Timing(end - start, first - start, (last - first) // (len(at_ns) - 1), text)


def fixed_work_ns() -> int:
    """Processor time of a fixed piece of interpreter work, which grows when the clock goes down; 5 ms on an A53."""
    start, state = time.thread_time_ns(), 1
    for _ in range(4000):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return time.thread_time_ns() - start


def process_memory(process: int | str = "self") -> ProcessMemory | None:
    """Memory of this process, or of the one with a number, now and at its peak; None where the system does not tell."""
    status = kilobyte_fields(f"/proc/{process}/status")
    if "VmHWM" not in status:
        if sys.platform != "darwin" or process != "self":
            return None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes there, and of this process alone
        nothing = dict.fromkeys(("rss_bytes", "anonymous_bytes", "file_bytes", "swap_bytes", "pss_bytes"))
        return ProcessMemory(peak_rss_bytes=peak, **nothing)
    shared_out = kilobyte_fields(f"/proc/{process}/smaps_rollup")
    private = [shared_out[name] for name in ("Private_Clean", "Private_Dirty") if name in shared_out]
    return ProcessMemory(
        peak_rss_bytes=status["VmHWM"],
        rss_bytes=status["VmRSS"],
        anonymous_bytes=status.get("RssAnon"),
        file_bytes=status.get("RssFile"),
        swap_bytes=status.get("VmSwap"),
        pss_bytes=shared_out.get("Pss"),
        uss_bytes=sum(private) if private else None,
    )


def in_ms(nanoseconds: int) -> float:
    """Milliseconds, to a microsecond."""
    return round(nanoseconds / 1e6, 3)


if __name__ == "__main__":
    sys.exit(answer(run_probe, orders=ProbeOrders, major=MAJOR))
