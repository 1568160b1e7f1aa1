"""The probe: a fresh process that does the certified requests, measures itself, and is nothing more than the runtime.

    python -m tinylm.runtime.probe BUNDLE < orders.json > result.json

What is measured is a bundle, or what the orders say of a decoder in the folder BUNDLE (`tinylm.runtime.subject`).

The budget check starts several of them and judges; the probe only measures. It is a process of its own because memory
is a process's property: what it reports is its own peak (`VmHWM`), with nothing in it that serving would not have.
Memory is read right after the requests, before the verification, which a serving process does not do.

Times are `time.perf_counter_ns`. A request is timed from text to text: encoding, prefill, decoding and the streamed
text, sampled with the bundle's own defaults, because that is what users will run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tinylm.errors import TinylmError
from tinylm.records import check_schema, read
from tinylm.runtime.contract import TokenEngine
from tinylm.runtime.generation import generate_ids
from tinylm.runtime.golden import short
from tinylm.runtime.probe_contract import (
    SCHEMA,
    Memory,
    ProbeOrders,
    ProbeResult,
    Refused,
    Stage,
)
from tinylm.runtime.subject import Subject, open_subject


def run_probe(path: Path, orders: ProbeOrders) -> ProbeResult:
    """Open what lies at `path`, do the requests, measure, and verify when asked to; TinylmError when it is unusable."""
    stages = [Stage(name="start Python, import libraries", until_ms=_since_start_ms(), rss_bytes=_resident())]
    subject = open_subject(path, orders)
    _check_fits(subject, orders)
    stages.append(Stage(name=f"open and verify the {subject.kind}", until_ms=_since_start_ms(), rss_bytes=_resident()))
    with subject.open_engine(threads=orders.threads, backend=orders.backend) as engine:
        stages.append(Stage(name="load the model", until_ms=_since_start_ms(), rss_bytes=_resident()))

        def do(number: int) -> Timing:
            return do_request(subject, engine, orders, number)

        before_first = _since_start_ms()
        ttft_ns = do(0).ttft_ns
        cold_start_ms = None if before_first is None else round(before_first + ttft_ns / 1e6, 3)
        stages.append(Stage(name="first request", until_ms=_since_start_ms(), rss_bytes=_resident()))
        for number in range(1, orders.warmup):
            do(number)

        work_before_ms = _fixed_work_ms()
        # Whatever other threads a library has: with one thread, only this one's time is the requests'.
        cpu_clock = time.thread_time_ns if orders.threads == 1 else time.process_time_ns
        usage, wall, cpu = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter_ns(), cpu_clock()
        timings = [do(orders.first_request + number) for number in range(orders.requests)]
        wall, cpu = time.perf_counter_ns() - wall, cpu_clock() - cpu
        after = resource.getrusage(resource.RUSAGE_SELF)
        memory = _memory()
        work_after_ms = _fixed_work_ms()
        verification = subject.verify(engine) if orders.verify else None
    return ProbeResult(
        schema=SCHEMA,
        latency_ms=tuple(_ms(timing.latency_ns) for timing in timings),
        ttft_ms=tuple(_ms(timing.ttft_ns) for timing in timings),
        itl_ms=tuple(_ms(timing.itl_ns) for timing in timings),
        cold_start_ms=cold_start_ms,
        stages=tuple(stages),
        memory=memory,
        work_before_ms=work_before_ms,
        work_after_ms=work_after_ms,
        requests_wall_ms=_ms(wall),
        requests_cpu_ms=_ms(cpu),
        involuntary_switches=after.ru_nivcsw - usage.ru_nivcsw,
        major_faults=after.ru_majflt - usage.ru_majflt,
        verification=verification,
    )


def _check_fits(subject: Subject, orders: ProbeOrders) -> None:
    needed = orders.prompt_tokens + orders.new_tokens
    if needed > subject.context_length:
        raise TinylmError(
            f"the request of {orders.prompt_tokens} + {orders.new_tokens} tokens does not fit the {subject.kind}'s"
            f" context of {subject.context_length}",
            "train with a larger `context_length`, or choose a budget with a smaller request",
        )
    for place, prompt in enumerate(orders.prompts):
        if (length := len(subject.prompt_ids(place))) < orders.prompt_tokens:
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


def do_request(subject: Subject, engine: TokenEngine, orders: ProbeOrders, number: int) -> Timing:
    """Do the request with this number, which fixes its prompt and its random numbers, and time it."""
    place = number % len(orders.prompts)
    engine.truncate(0)
    start = time.perf_counter_ns()
    ids = subject.prompt_ids(place)[: orders.prompt_tokens]
    sampler, stream, text, moments = subject.sampler(seed=number), subject.text_stream(after=ids[-1]), "", []
    for token in generate_ids(engine, ids, sampler, max_new_tokens=orders.new_tokens, stop_at_eos=False):
        text += stream.push(token)
        moments.append(time.perf_counter_ns())
    text += stream.flush()
    end = time.perf_counter_ns()
    if len(moments) != orders.new_tokens:
        raise RuntimeError(f"{len(moments)} tokens came where {orders.new_tokens} were ordered")
    first, last = moments[0], moments[-1]
    return Timing(end - start, first - start, (last - first) // (len(moments) - 1), text)


def _fixed_work_ms() -> float:
    """Processor time of a fixed piece of interpreter work, the best of five: it grows when the clock goes down."""
    return min(_ms(_work_ns()) for _ in range(5))


def _work_ns() -> int:
    start, state = time.thread_time_ns(), 1
    for _ in range(20_000):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return time.thread_time_ns() - start


def _memory() -> Memory | None:
    """This process's memory now and at its peak; None where there is no /proc."""
    status = _kilobytes(Path("/proc/self/status"))
    if "VmHWM" not in status:
        return None
    pss = _kilobytes(Path("/proc/self/smaps_rollup")).get("Pss")
    return Memory(
        peak_rss_bytes=status["VmHWM"] * 1024,
        rss_bytes=status["VmRSS"] * 1024,
        anonymous_bytes=status["RssAnon"] * 1024,
        file_bytes=status["RssFile"] * 1024,
        swap_bytes=status["VmSwap"] * 1024,
        pss_bytes=None if pss is None else pss * 1024,
    )


def _resident() -> int | None:
    memory = _memory()
    return None if memory is None else memory.rss_bytes


def _kilobytes(path: Path) -> dict[str, int]:
    """The `Name:  123 kB` lines of a /proc file; none where it cannot be read."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) for words in fields}


def _since_start_ms() -> float | None:
    """Time since the kernel started this process, to one tick (10 ms); None where there is no /proc."""
    try:
        stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name in field 2 may hold spaces and brackets; field 22 is the start, in ticks since boot (man 5 proc).
    ticks = int(stat.rpartition(")")[2].split()[19])
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) * 1e3 - ticks * 1e3 / os.sysconf("SC_CLK_TCK"), 3)


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / 1e6, 3)


def main() -> int:
    """Orders on standard input, the result on standard output; a TinylmError as `{"refused": ...}` and exit code 2."""
    try:
        data = json.load(sys.stdin)
        check_schema(data, major=1, where="the probe's orders")
        result = dataclasses.asdict(run_probe(Path(sys.argv[1]), read(ProbeOrders, data, "the probe's orders")))
    except TinylmError as error:
        refused = Refused(message=error.message, hint=error.hint, exit_code=error.exit_code)
        json.dump({"refused": dataclasses.asdict(refused)}, sys.stdout)
        return 2
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
