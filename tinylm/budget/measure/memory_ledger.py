"""Where the memory goes, and whether it grows: the memory probe's readings as a table of parts.

Own memory (of no file) is what each step of building up the process added. Mapped files are attributed by their name.
Both were read page by page, so their sum can be held against what the kernel says is resident.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from tinylm.budget.spec.budget import FEWEST_FOR_GROWTH
from tinylm.runtime.measurement.protocol import MemoryGrowth, MemoryResult

PER_REQUESTS = 1000
"""What growth is stated for."""

_WORDS = {
    "native engine": ("libtinylm",),
    "onnxruntime": ("onnxruntime",),
    "tokenizer": ("sentencepiece",),
    "numpy": ("numpy",),
    "chat template": ("markupsafe", "jinja2"),
    "HTTP server": ("uvicorn", "starlette", "h11", "anyio", "uvloop", "httptools"),
}
"""How the files of a step are recognised."""


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    part: str
    own_mb: float
    """What this step added to the memory that belongs to no file; negative when it gave some back."""
    files_mb: float
    """Resident pages of files that belong to this part, at the end."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    entries: tuple[LedgerEntry, ...]
    total_mb: float
    """Sum of all entries."""
    resident_mb: float
    """What the kernel says at the same moment (VmRSS)."""
    peak_mb: float
    """Its VmHWM: what was more was needed while loading, and given back."""
    requests: int
    growth_mb: float | None
    """What 1000 requests would add once warm."""
    growth: tuple[MemoryGrowth, ...]
    largest_growth_mb: float | None = None
    """The larger rate of the last two quarters: one jump, or a leak in large steps."""


def make_ledger(result: MemoryResult) -> Ledger | None:
    """None where the kernel does not tell (no /proc)."""
    memory = result.memory
    if memory is None or memory.rss_bytes is None or not result.steps:
        return None
    own: dict[str, int] = {}
    before = 0
    for step in result.steps:
        own[step.name] = step.anonymous_bytes - before
        before = step.anonymous_bytes
    requests = result.growth[-1].requests if result.growth else 0
    if result.growth:
        own[f"{requests} requests"] = result.growth[-1].anonymous_bytes - before
    files: dict[str, int] = {}
    for path, size in result.files_bytes.items():
        part = part_of(path)
        files[part] = files.get(part, 0) + size
    names = [*own, *(part for part in files if part not in own)]
    total = sum(own.values()) + sum(files.values())
    return Ledger(
        entries=tuple(
            LedgerEntry(part=name, own_mb=_mb(own.get(name, 0)), files_mb=_mb(files.get(name, 0))) for name in names
        ),
        total_mb=_mb(total),
        resident_mb=_mb(memory.rss_bytes),
        peak_mb=_mb(memory.peak_rss_bytes),
        requests=requests,
        growth_mb=growth_mb(result.growth),
        largest_growth_mb=growth_mb(result.growth, pick=max),
        growth=result.growth,
    )


def part_of(path: str) -> str:
    """The step of the ledger that a mapped file belongs to."""
    folders = path.split("/")[-4:]  # not the folders that a user named
    for part, words in _WORDS.items():
        if any(word in folder for word in words for folder in folders):
            return part
    if path.endswith(".onnx"):
        return "graph and weights"
    return "interpreter" if path.startswith("/") else path


def growth_mb(growth: tuple[MemoryGrowth, ...], *, pick: Callable[[list[float]], float] = min) -> float | None:
    """What 1000 requests add, in MB: the smaller rate of the last two quarters, because a leak shows in both.

    The first half is left out, because allocators and caches fill while they see their first prompts, and one jump,
    such as of a heap that doubled, is in one quarter only. None with too few requests to tell.
    """
    if len(growth) < 4 or growth[-1].requests < FEWEST_FOR_GROWTH:
        return None
    marks = [growth[len(growth) * quarters // 4 - 1] for quarters in (2, 3, 4)]
    rates = [
        (later.anonymous_bytes - earlier.anonymous_bytes) / (later.requests - earlier.requests)
        for earlier, later in pairwise(marks)
    ]
    return round(pick(rates) * PER_REQUESTS / 1e6, 3)


def _mb(size: int) -> float:
    return round(size / 1e6, 3)
