"""What the budget check and its probe process say to each other: one JSON document each way.

Both sides read it strictly. Nothing heavy is imported here: the parent must not load onnxruntime, which is measured in
the child and can kill the process that imports it on a processor it was not built for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinylm.runtime.backends.contract import Backend

SCHEMA, MAJOR = "2.0", 2


@dataclass(frozen=True, kw_only=True)
class ProbeOrders:
    """What the probe is told on its standard input."""

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
    """As `tinylm.runtime.backends.session` understands it."""
    verify: bool
    """Also check golden tokens and tokenizer, and measure the bits of the held-out text, after everything else."""
    decoder: dict[str, Any] | None = None
    """A decoder that was exported elsewhere (`tinylm.external_decoder.description.DecoderOrders`) is measured; none:
    a bundle is."""
    bundle_sha256: str | None = None
    """Of the manifest of the bundle that must be measured; none: of whatever bundle is there."""


@dataclass(frozen=True, kw_only=True)
class Memory:
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
    """Resident memory that nobody shares: what ending the process would give back."""


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
    """How the bundle's own evidence fared on this machine."""

    prompts: int
    tokens: int
    """Greedy tokens compared."""
    encodings: int | None
    """Encoded texts compared; None where there are none to compare, as with golden ids alone."""
    mismatches: tuple[str, ...]
    """What differed, with prompt and position; empty when everything is identical."""
    held_out: tuple[HeldOutBits, ...]


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """What the probe says on its standard output."""

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
    memory: Memory | None
    """None where the system does not tell."""
    requests_cpu_ms: float
    """Processor time of the counted requests, of all threads."""
    involuntary_switches: int
    """During the requests: how often another process took the core."""
    major_faults: int
    """During the requests: how often a page had to be read from storage."""
    verification: Verification | None
    waited_ms: tuple[float, ...] = ()
    """Of each counted request's latency, how long it was ready to run and others had the core; empty where the kernel
    does not tell, and with several threads."""


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
    """What the memory probe says on its standard output."""

    schema: str
    steps: tuple[MemoryStep, ...]
    """Empty without /proc."""
    growth: tuple[MemoryGrowth, ...]
    """After every so many requests, from the first ones on; the last step of `steps` is where it begins."""
    files_bytes: dict[str, int]
    """Resident bytes of every mapped file at the end."""
    memory: Memory | None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """What the probe says instead, under the key `refused` and with exit code 2, when its input cannot be used."""

    message: str
    hint: str
    exit_code: int
