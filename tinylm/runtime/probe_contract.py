"""What the budget check and its probe process say to each other: one JSON document each way.

Both sides read it strictly. Nothing heavy is imported here: the parent must not load onnxruntime, which is measured in
the child and can kill the process that imports it on a processor it was not built for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinylm.runtime.contract import Backend

SCHEMA = "1.0"


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
    backend: Backend = "auto"
    """As `tinylm.runtime.session` understands it."""
    verify: bool
    """Also check golden tokens and tokenizer, and measure the bits of the held-out text, after everything else."""
    decoder: dict[str, Any] | None = None
    """A decoder that was exported elsewhere (`tinylm.decoder.DecoderOrders`) is measured; none: a bundle is."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Of this process, from /proc/self/status; bytes."""

    peak_rss_bytes: int
    """VmHWM: the most that was ever resident."""
    rss_bytes: int
    anonymous_bytes: int
    file_bytes: int
    """Mapped files, such as the libraries' code: the system can drop and read them again."""
    swap_bytes: int
    pss_bytes: int | None
    """Resident memory with shared pages divided among their users; None where the kernel does not tell."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the way to the first token."""

    name: str
    until_ms: float | None
    """From the start of the process to the end of this stage; None without /proc."""
    rss_bytes: int | None
    """Resident memory at the end of this stage; None without /proc."""


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
    latency_ms: tuple[float, ...]
    ttft_ms: tuple[float, ...]
    itl_ms: tuple[float, ...]
    """One value a request: its mean time between tokens."""
    cold_start_ms: float | None
    """From the start of the process to its first token, to 10 ms (the kernel's tick); None without /proc."""
    stages: tuple[Stage, ...]
    memory: Memory | None
    """None without /proc."""
    work_before_ms: float
    """Processor time of a fixed piece of work before the requests; with `work_after_ms` it shows a changing clock."""
    work_after_ms: float
    requests_wall_ms: float
    requests_cpu_ms: float
    involuntary_switches: int
    """During the requests: how often another process took the core."""
    major_faults: int
    """During the requests: how often a page had to be read from storage."""
    verification: Verification | None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """What the probe says instead, under the key `refused` and with exit code 2, when its input cannot be used."""

    message: str
    hint: str
    exit_code: int
