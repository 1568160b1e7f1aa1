"""Budgets: the limits for one kind of device, read strictly from TOML.

`load_budget("pi-zero-2w")` reads a shipped budget, `load_budget("my/board.toml")` one of your own. Every line of the
format is explained in `budgets/pi-zero-2w.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.package import shipped_folder
from tinylm.base.records import nearest, read
from tinylm.budget.statistics.sequential import Boundary, boundaries, fewest_for_a_pass
from tinylm.machine.processor import RELEVANT_FLAGS

SCHEMA = "1.0"
QUANTILE = 0.95
"""The quantile that every `_p95_ms` limit is about."""
FEWEST_FOR_GROWTH = 200
"""Requests of the memory probe that tell growth from chance."""
MOST_LOOKS = 20_000
"""Requests that one check may take: hours on a slow board."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a budget may be called: it becomes a file's name, and a word of a command line."""
ARM_64, X86_64 = ("aarch64", "arm64"), ("x86_64", "AMD64")
_ARM_32 = ("armv6l", "armv7l", "armv8l")
_ARCHITECTURES = (*ARM_64, *_ARM_32, *X86_64, "i686", "ppc64le", "riscv64", "s390x")
"""What `uname -m` says on what tinylm could run on."""
_MOST = {
    "_mb": 1e6,
    "_ms": 3.6e6,
    "_pct": 1000.0,
    "bpb": 8.0,
    "bpb_increase": 8.0,
    "_tokens": 1_000_000,
    "threads": 1024,
    "warmup": 10_000,
    "_ghz": 20.0,
    "cpi": 1000.0,
    "cpi_error": 1000.0,
    "_gb_s": 10_000.0,
}
"""By the end of the key: beyond a terabyte, an hour or 8 bits a byte somebody has mistaken the unit."""


def _check_size(name: str, value: float) -> None:
    """ValueError for a number that is 0 or less, or larger than any device."""
    if value <= 0:
        raise ValueError(f"`{name}` is {value:g}; above 0 is needed")
    most = next((most for end, most in _MOST.items() if name.endswith(end)), None)
    if most is not None and value > most:
        raise ValueError(f"`{name}` is {value:g}; at most {most:g} makes sense: is the unit right?")


@dataclass(frozen=True, kw_only=True)
class DeviceMatch:
    """How to recognise the device; on a machine that differs in anything stated nothing but sizes is `measured`."""

    models: tuple[str, ...] = ()
    """Beginnings of the model string, such as `Raspberry Pi 4 Model B`; one must match. Empty: any model."""
    arch: str | None = None
    """What `uname -m` says, such as `aarch64`."""
    isa: tuple[str, ...] = ()
    """Processor flags that must be there, as /proc/cpuinfo spells them."""
    min_memory_mb: float | None = None
    max_memory_mb: float | None = None
    governors: tuple[str, ...] = ()
    """How the kernel may pick the clock while it is measured, such as `ondemand`: times under another governor are
    void, where the governor can be read. Empty: any."""

    def __post_init__(self) -> None:
        for name in ("min_memory_mb", "max_memory_mb"):
            value = getattr(self, name)
            if value is not None:
                _check_size(name, value)
        if (
            self.min_memory_mb is not None
            and self.max_memory_mb is not None
            and self.min_memory_mb > self.max_memory_mb
        ):
            raise ValueError(f"`min_memory_mb` {self.min_memory_mb:g} is above `max_memory_mb` {self.max_memory_mb:g}")
        if any(not model.strip() for model in self.models):
            raise ValueError(
                "`models` holds an empty string, which would match every device; leave the key out instead"
            )
        if any(not governor.strip() for governor in self.governors):
            raise ValueError("`governors` holds an empty string; leave the key out to accept any")
        self._check_processor()

    def _check_processor(self) -> None:
        """ValueError for an architecture or flags that no device has, or not together."""
        if self.arch is not None and self.arch not in _ARCHITECTURES:
            raise ValueError(f"`arch` is `{self.arch}`, which no machine says; {nearest(self.arch, _ARCHITECTURES)}")
        for flag in self.isa:
            if flag not in RELEVANT_FLAGS:
                raise ValueError(f"`isa` holds `{flag}`, which is not looked at; {nearest(flag, RELEVANT_FLAGS)}")
            of_x86 = flag.startswith(("sse", "avx", "fma", "amx"))
            if self.arch is not None and of_x86 != (self.arch in (*X86_64, "i686")):
                raise ValueError(f"`isa` holds `{flag}`, which no {self.arch} processor has")
        pi = next((model for model in self.models if model.startswith("Raspberry Pi")), None)
        if pi is not None and self.arch is not None and self.arch not in ("aarch64", *_ARM_32):
            raise ValueError(f"`arch` {self.arch} contradicts `models`: a `{pi}` has ARM cores")


@dataclass(frozen=True, kw_only=True)
class Request:
    """The request that latency is certified on: exactly this many tokens in and out, end-of-sequence ignored."""

    prompt_tokens: int
    """Tokens that are read, BOS included."""
    new_tokens: int
    threads: int = 1

    def __post_init__(self) -> None:
        # Latencies between tokens need two of them; 2 prompt tokens are BOS and one piece of text.
        for name, least in (("prompt_tokens", 2), ("new_tokens", 2), ("threads", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` is {getattr(self, name)}; at least {least} is needed")
            _check_size(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the device can give; a limit that is left out is not checked. MB are 10^6 bytes."""

    peak_rss_mb: float
    """Largest resident memory of the process that serves (its own VmHWM)."""
    resident_mb: float | None = None
    """Resident memory once it serves (VmRSS after the requests): what stays when loading is over."""
    growth_mb: float | None = None
    """What 1000 requests more may add to the process's own memory, once it is warm: more is a leak."""
    latency_p95_ms: float
    """95 of 100 requests take at most this, from text to text."""
    bundle_mb: float
    """All files of the bundle together."""
    ttft_p95_ms: float | None = None
    """The same for the time to the first token, the reading of the prompt included."""
    itl_p95_ms: float | None = None
    """The same for a request's mean time between tokens."""
    cold_start_ms: float | None = None
    """From the start of a process to its first token: the slowest start counts, and the first one finds none of its
    files in the system's cache, where that can be arranged."""
    bpb_increase: float | None = None
    """Bits per byte that the bundle may lose against its fp32 model, re-measured on the device."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None:
                _check_size(name, value)
        for part, whole, why in (
            ("bundle_mb", "peak_rss_mb", "a bundle is in memory while it runs"),
            ("resident_mb", "peak_rss_mb", "what is resident later was resident at the peak"),
            ("ttft_p95_ms", "latency_p95_ms", "the first token is a part of the request"),
            ("ttft_p95_ms", "cold_start_ms", "a cold start ends with a first token"),
        ):
            less, more = getattr(self, part), getattr(self, whole)
            if less is not None and more is not None and (less > more or (less == more and part == "bundle_mb")):
                raise ValueError(f"`{part}` {less:g} contradicts `{whole}` {more:g}: {why}")


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """How sure a verdict on a p95 must be, and how many requests may be spent on it."""

    level: float = 0.95
    """Of 100 devices exactly at the limit, at most 100 x (1 - level) may pass or fail by luck."""
    looks: tuple[int, ...] = (124, 250, 500)
    """Requests after which a verdict is tried, cumulative; several can stop earlier, and share the error 1 - level."""
    processes: int = 4
    """Fresh processes that the requests of one look are spread over."""
    warmup: int = 3
    """Requests at the start of every process that are not counted."""
    memory_requests: int = 1000
    """Of one process more, in which memory is looked at closely: enough to tell a leak of 1 KB a request from an
    allocator that warms up."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.level < 1:
            raise ValueError(f"`level` is {self.level:g}; 0.5 to below 1 is needed")
        for name, least in (("processes", 2), ("warmup", 1), ("memory_requests", 20)):
            if getattr(self, name) < least:
                raise ValueError(f"`{name}` is {getattr(self, name)}; at least {least} is needed")
        _check_size("warmup", self.warmup)
        if not self.looks or list(self.looks) != sorted(set(self.looks)):
            raise ValueError(f"`looks` is {list(self.looks)}; one or more rising numbers are needed")
        if self.looks[0] < (fewest := fewest_for_a_pass(looks=len(self.looks), quantile=QUANTILE, level=self.level)):
            raise ValueError(
                f"`looks` starts with {self.looks[0]} requests; at this level a pass needs at least {fewest}"
            )
        if self.looks[-1] > MOST_LOOKS:
            raise ValueError(f"`looks` ends with {self.looks[-1]} requests; at most {MOST_LOOKS} are possible")
        if self.processes > self.looks[0]:
            raise ValueError(
                f"`processes` {self.processes} is more than the {self.looks[0]} requests of the first look"
            )

    def boundaries(self) -> tuple[Boundary, ...]:
        """What a number of requests over the limit means at each look."""
        return boundaries(self.looks, quantile=QUANTILE, level=self.level)


@dataclass(frozen=True, kw_only=True)
class Regression:
    """How much worse than an earlier report of the same device is still noise, in percent."""

    rss_pct: float = 5
    """For `peak_rss_mb` and `resident_mb`."""
    latency_pct: float = 20
    """For `latency_p95_ms`, `ttft_p95_ms` and `itl_p95_ms`."""
    cold_start_pct: float = 50
    bundle_pct: float = 5
    growth_mb: float = 1
    """MB that 1000 requests add, not percent: for `growth_mb`."""
    bpb: float = 0.005
    """Bits per byte, not percent: for `bpb_increase`."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _check_size(name, value)


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """How many milliseconds of the device instructions and bytes are worth: for estimates, each with its error."""

    clock_ghz: float
    cpi: float
    """Clock cycles per instruction of the runtime's code, with its data in the caches."""
    cpi_error: float
    """The truth is taken to lie within `cpi` plus or minus this."""
    bandwidth_gb_s: float
    """How fast one core reads weights, in 10^9 bytes a second."""
    bandwidth_error_gb_s: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _check_size(name, value)
        for name, value, error in (
            ("cpi_error", self.cpi, self.cpi_error),
            ("bandwidth_error_gb_s", self.bandwidth_gb_s, self.bandwidth_error_gb_s),
        ):
            if error >= value:
                raise ValueError(f"`{name}` is {error:g}; below the value's own {value:g} is needed")


@dataclass(frozen=True, kw_only=True)
class Budget:
    schema: str
    name: str
    description: str
    device: DeviceMatch = field(default_factory=DeviceMatch)
    request: Request
    limits: Limits
    confidence: Confidence = field(default_factory=Confidence)
    regression: Regression = field(default_factory=Regression)
    estimate: CostModel | None = None
    """None where nobody knows the device well enough to estimate its times: then only the device tells them."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"`name` is {self.name[:80]!r}; 1 to 64 letters, digits, `.`, `_` or `-` are needed, the first one a"
                " letter or digit"
            )
        between = self.request.new_tokens - 1
        limits = self.limits
        if limits.itl_p95_ms is not None and limits.itl_p95_ms * between > limits.latency_p95_ms:
            raise ValueError(
                f"`itl_p95_ms` {limits.itl_p95_ms:g} x {between} tokens contradicts `latency_p95_ms`"
                f" {limits.latency_p95_ms:g}: the tokens are a part of the request"
            )
        if limits.growth_mb is not None and self.confidence.memory_requests < FEWEST_FOR_GROWTH:
            raise ValueError(
                f"`memory_requests` is {self.confidence.memory_requests}; `growth_mb` needs at least"
                f" {FEWEST_FOR_GROWTH}: with fewer, a page more or less looks like a leak"
            )
        memory = self.device.max_memory_mb
        if memory is not None and limits.peak_rss_mb > memory:
            raise ValueError(f"`peak_rss_mb` {limits.peak_rss_mb:g} is more than the device's {memory:g} MB")


_EXPLAINED = "docs/budgets.md explains every key; `tinylm budget new` writes one to start from"


def shipped_budgets() -> list[str]:
    """Names of the budgets that come with tinylm."""
    return sorted(entry.name.removesuffix(".toml") for entry in _shipped().iterdir() if entry.name.endswith(".toml"))


def load_budget(name_or_path: str) -> Budget:
    """The shipped budget of that name, or the budget in that TOML file; TinylmError says what is wrong with it."""
    source: Path
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        source, where = Path(name_or_path), f"`{name_or_path}`"
    elif name_or_path in (names := shipped_budgets()):
        source, where = _shipped() / f"{name_or_path}.toml", f"the budget `{name_or_path}`"
    else:
        raise _unknown(name_or_path, names)
    try:
        text = source.read_text(encoding="utf-8-sig")  # Notepad writes the mark
    except OSError as error:
        raise TinylmError(f"cannot read {where}: {error.strerror}", "name a budget or a TOML file") from error
    except ValueError as error:
        raise TinylmError(f"{where} is not valid TOML: it is not UTF-8", _EXPLAINED) from error
    return parse_budget(text, where)


def parse_budget(text: str, where: str) -> Budget:
    """The budget in a TOML text; `where` names it in errors."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise TinylmError(f"{where} is not valid TOML: {error}", _EXPLAINED) from error
    return read(Budget, data, where, major=1)


def shipped_text(name: str) -> str:
    """The TOML text of a shipped budget, comments and all; TinylmError for another name."""
    if name not in (names := shipped_budgets()):
        raise _unknown(name, names)
    return (_shipped() / f"{name}.toml").read_text(encoding="utf-8")


def _unknown(name: str, names: list[str]) -> TinylmError:
    if (file := Path(f"{name}.toml")).is_file():
        return TinylmError(f"unknown budget `{name}`", f"there is a file of that name: `./{file}` names it")
    hint = nearest(name, names)
    shipped = "shipped: " + ", ".join(f"`{shipped}`" for shipped in names)
    return TinylmError(
        f"unknown budget `{name}`",
        f"{hint} {shipped}; or name a file such as `my-board.toml`" if hint.startswith("did") else shipped,
    )


def _shipped() -> Path:
    return shipped_folder("budgets", checkout="budgets")
