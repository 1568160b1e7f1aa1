"""The result of a profile as one object: the tables, `--json` and the plot are all made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinylm.budget.report import BundleId
from tinylm.budget.statistics.binomial import observed
from tinylm.machine.device import DeviceFacts
from tinylm.profile.breakdown import Breakdown

SCHEMA = "1.0"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Of `n` values; quantiles are samples by nearest rank: a description, without confidence."""

    n: int
    mean: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class LengthTimings:
    """Requests of one prompt length."""

    prompt_tokens: int
    latency_ms: Summary
    ttft_ms: Summary
    itl_ms: Summary
    prefill_tokens_per_s: float
    """Prompt tokens by the median time to the first token, which encoding the text and choosing a token are part of."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A description of one machine, not a verdict."""

    schema: str
    bundle: BundleId
    device: DeviceFacts
    backend: str
    """What ran the requests by length; operators are always timed in the reference."""
    threads: int
    new_tokens: int
    warmup: int
    """Requests of each kind that were done first and not counted."""
    lengths: tuple[LengthTimings, ...]
    decode: Breakdown
    prefill: Breakdown | None
    """None when the context leaves no room for a prompt that is read in a run of its own."""
    step_us: Summary
    """A decode step, Python's part included, without timing operators: in the same process, in turns."""
    step_mean_us: float
    """The mean of the same without the slowest tenth: what the estimates of all operators add up to."""
    traced_step_us: Summary
    timing_cost_us: float
    """What timing adds to a call, which estimates leave out; see `tinylm.profile.breakdown`."""
    tracing_ratio: float
    """The median of `traced_step_us` by that of `step_us`: how much timing operators slows."""


def summarise(values: Sequence[float]) -> Summary:
    """ValueError without values."""
    p50, p95, p99 = (observed(values, quantile) for quantile in (0.5, 0.95, 0.99))
    return Summary(n=len(values), mean=round(sum(values) / len(values), 4), p50=p50, p95=p95, p99=p99)
