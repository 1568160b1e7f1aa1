"""What `tinylm profile` and its measuring process say to each other: one JSON document each way.

Both sides read it strictly, and nothing heavy is imported here, as in `tinylm.runtime.measurement.protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA, MAJOR = "1.0", 1


@dataclass(frozen=True, kw_only=True)
class ProfileOrders:
    """What the measuring process is told on its standard input."""

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
    """What the measuring process says on its standard output."""

    schema: str
    backend: str
    """What ran the timed requests: `lean` or `reference`."""
    lengths: tuple[LengthTimes, ...]
    step_us: tuple[float, ...]
    """Decode steps of the reference backend without a trace, one value a token; empty when no trace was wanted."""
    traced_step_us: tuple[float, ...]
    """The same steps, in turns with those, with the trace."""
