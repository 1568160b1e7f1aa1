"""The protocol of the probes: orders as one JSON document on standard input, the result as one on standard output.

    sys.exit(answer(run_probe, orders=ProbeOrders, major=MAJOR))          # in the probe

Both sides read it strictly. Nothing heavy is imported here: the parent must not load onnxruntime, which is measured in
the child and can kill the process that imports it on a processor it was not built for. The other ends are
`tinylm.budget.measure.probes` and `tinylm.profile.probe`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tinylm.base.errors import TinylmError
from tinylm.base.records import check_schema, read
from tinylm.runtime.backends.contract import Backend

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA, MAJOR = "2.0", 2
"""Of the latency and the memory probe."""
PROFILE_SCHEMA, PROFILE_MAJOR = "1.0", 1
"""Of the profile probe."""

Orders = TypeVar("Orders")


@dataclass(frozen=True, kw_only=True)
class ProbeOrders:
    """What the latency and the memory probe are told."""

    schema: str
    prompts: tuple[str, ...]
    """Requests rotate through them."""
    first_request: int
    """Number of the first counted request in the whole check: where the rotation stands, and the sampler's seed."""
    prompt_tokens: int
    """Tokens read by a request, BOS included; longer prompts are cut, a shorter one is an error."""
    new_tokens: int
    threads: int
    warmup: int
    """Requests that are done first and not counted; at least one, which is the cold start."""
    requests: int
    """Counted ones; the memory probe reads its memory after so many."""
    backend: Backend = "auto"
    """What runs the model."""
    verify: bool
    """Also check golden tokens and tokenizer, and measure the bits of the held-out text, after everything else."""
    decoder: dict[str, Any] | None = None
    """A decoder that was exported elsewhere (`tinylm.external_decoder.description.DecoderOrders`) is measured; none:
    a bundle is."""
    bundle_sha256: str | None = None
    """Of the manifest of the bundle that must be measured; none: of whatever bundle is there."""


@dataclass(frozen=True, kw_only=True)
class ProcessMemory:
    """Of this process, as the kernel tells it; bytes, and None where it does not tell."""

    peak_rss_bytes: int
    """The most that was ever resident: VmHWM of /proc/self/status, on macOS `ru_maxrss`."""
    rss_bytes: int | None
    """Resident now (VmRSS)."""
    anonymous_bytes: int | None
    """Of it the process's own (RssAnon)."""
    file_bytes: int | None
    """Of it mapped files, such as the libraries' code (RssFile): the system can drop and read them again."""
    swap_bytes: int | None
    """What is in swap instead, and so not resident (VmSwap)."""
    pss_bytes: int | None
    """Resident memory with shared pages divided among their users."""
    uss_bytes: int | None = None
    """Resident memory that is not shared: what ending the process would give back."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the way to the first token."""

    name: str
    until_ms: float | None
    """From the start of the process to the end of this stage; None without /proc."""


@dataclass(frozen=True, kw_only=True)
class HeldOutBits:
    """The held-out documents of one language, together."""

    language: str
    text_bytes: int
    """UTF-8 bytes of the normalised text."""
    bits: float
    """Measured here."""
    bits_fp32: float
    """From the bundle's golden.json."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The bundle's golden tokens and held-out text on this machine."""

    prompts: int
    tokens: int
    """Greedy tokens compared."""
    encodings: int | None
    """Encoded texts compared; None where there are none to compare, as with golden ids alone."""
    mismatches: tuple[str, ...]
    """What differed, with prompt and position; empty when everything is identical."""
    held_out: tuple[HeldOutBits, ...]


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a server answered, where its process was measured over HTTP."""

    parallel: int
    """Texts that it writes at a time at most."""
    filter_name: str | None
    """Of the content filter that every prompt and every text went through; None where it was off."""
    filter_sha256: str | None


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """What the latency probe answers."""

    schema: str
    first_request: int
    """As ordered: request number i of this process is number `first_request` + i of the check."""
    at_ms: tuple[float, ...]
    """When each counted request began, from the first of them."""
    latency_ms: tuple[float, ...]
    ttft_ms: tuple[float, ...]
    itl_ms: tuple[float, ...]
    """One value a request: its mean time between tokens."""
    work_ms: tuple[float, ...]
    """Processor time of one fixed piece of work, before the first request and after each: it shows a changing clock."""
    cold_start_ms: float | None
    """From the start of the process to its first token, to 10 ms (the kernel's tick); None without /proc."""
    storage_read_bytes: int
    """What had to be read from storage until then, because no cache had it."""
    stages: tuple[Stage, ...]
    memory: ProcessMemory | None
    """None where the system does not tell."""
    requests_cpu_ms: float
    """Processor time of the counted requests, of all threads."""
    involuntary_switches: int
    """During the requests: how often another process took the core."""
    major_faults: int
    """During the requests: how often a page had to be read from storage."""
    verification: Verification | None
    engine: str = ""
    """What computed, as `native avx2` or `onnxruntime 1.31.1`; empty in older results."""
    waited_ms: tuple[float, ...] = ()
    """Of each counted request's latency, how long it was ready to run and others had the core; empty where the kernel
    does not tell, and with several threads."""
    serving: Serving | None = None
    """Where the process that was measured is a server; None: it is the probe itself."""


@dataclass(frozen=True, kw_only=True)
class MemoryStep:
    """One step of building up what serves, in a process of its own."""

    name: str
    anonymous_bytes: int
    """Memory that belongs to no file, at the end of this step."""


@dataclass(frozen=True, kw_only=True)
class MemoryGrowth:
    requests: int
    """Done so far."""
    anonymous_bytes: int


@dataclass(frozen=True, kw_only=True)
class MemoryResult:
    """What the memory probe answers."""

    schema: str
    steps: tuple[MemoryStep, ...]
    """Empty without /proc."""
    growth: tuple[MemoryGrowth, ...]
    """After every so many requests, from the first ones on; the last step of `steps` is where it begins."""
    files_bytes: dict[str, int]
    """Resident bytes of every mapped file at the end."""
    memory: ProcessMemory | None


@dataclass(frozen=True, kw_only=True)
class ProfileOrders:
    """What the profile probe is told."""

    schema: str
    prompts: tuple[str, ...]
    """Joined, and cut to length with the bundle's tokenizer; each request begins with another one."""
    lengths: tuple[int, ...]
    """Prompt tokens, BOS included, of the requests that are timed; one of each makes a round."""
    rounds: int
    """Counted rounds; all lengths take turns, so that a clock that drifts changes all of them alike."""
    traced_prompt_tokens: int
    """Prompt tokens of the requests whose operators are timed."""
    traced_requests: int
    """Counted requests whose operators are timed; as many are done without."""
    trace: str | None
    """Where the times of the operators go: the beginning of a file's path. None when none are wanted."""
    new_tokens: int
    threads: int
    warmup: int
    """Rounds and requests that are done first and not counted."""


@dataclass(frozen=True, kw_only=True)
class LengthTimes:
    """The requests of one prompt length; one value a request, in the order of the rounds."""

    prompt_tokens: int
    latency_ms: tuple[float, ...]
    ttft_ms: tuple[float, ...]
    itl_ms: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ProfileResult:
    """What the profile probe answers."""

    schema: str
    backend: str
    """What ran the timed requests: `native` or `onnxruntime`."""
    lengths: tuple[LengthTimes, ...]
    step_us: tuple[float, ...]
    """Decode steps of the backend `onnxruntime` without a trace, one value a token; empty when no trace was wanted."""
    traced_step_us: tuple[float, ...]
    """The same steps, in turns with those, with the trace."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """What a probe answers instead, under the key `refused` and with exit code 2, when its input cannot be used."""

    message: str
    hint: str
    exit_code: int


def answer(measure: Callable[[Path, Orders], DataclassInstance], *, orders: type[Orders], major: int) -> int:
    """Read orders, measure what the command line names, write the result; returns the exit code.

    A TinylmError is written as `Refused`, with exit code 2.
    """
    try:
        data = json.load(sys.stdin)
        check_schema(data, major=major, where="the orders")
        result = dataclasses.asdict(measure(Path(sys.argv[1]), read(orders, data, "the orders")))
    except TinylmError as error:
        refused = Refused(message=error.message, hint=error.hint, exit_code=error.exit_code)
        json.dump({"refused": dataclasses.asdict(refused)}, sys.stdout)
        return 2
    json.dump(result, sys.stdout)
    return 0
