"""A budget in words: what is limited, on what device, how sure a verdict must be and how long a check takes."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.budget.formats.wording import request
from tinylm.budget.spec.budget import Budget, Confidence, DeviceMatch
from tinylm.budget.spec.device import differences
from tinylm.machine.device import DeviceFacts

_LIMITS = {
    "peak_rss_mb": "MB: the most memory that the serving process ever holds",
    "resident_mb": "MB: the memory that it keeps after its requests",
    "growth_mb": "MB: what 1000 requests more may add to it",
    "latency_p95_ms": "ms: 95 of 100 requests take at most this",
    "bundle_mb": "MB: all files of the bundle",
    "ttft_p95_ms": "ms: the same for the first token",
    "itl_p95_ms": "ms: the same for the time between tokens",
    "cold_start_ms": "ms: from a process's start to its first token",
    "bpb_increase": "bits per byte lost against fp32, re-measured on the device",
}
_KNOWN_GOVERNORS = {"conservative", "ondemand", "performance", "powersave", "schedutil", "userspace"}


def describe(budget: Budget) -> list[tuple[str, str]]:
    """What a budget limits, for what request and on what device: lines of a label and a sentence each."""
    values = {name: getattr(budget.limits, name) for name in _LIMITS}
    rows = [("budget", f"{budget.name}: {budget.description}")]
    rows += [(name, f"{value:g} {_LIMITS[name]}") for name, value in values.items() if value is not None]
    if left_out := [name for name, value in values.items() if value is None]:
        rows.append(("not limited", ", ".join(left_out)))
    return [*rows, ("request", request(budget)), ("device", _device(budget.device))]


def explain(budget: Budget, facts: DeviceFacts) -> list[tuple[str, str]]:
    """The same, how sure a verdict is, and what this machine, of these `facts`, is to the budget.

    A label that repeats the one above is empty.
    """
    rows = describe(budget)
    apart = differences(facts, budget.device)
    here = "no: " + "; ".join(apart) if apart else "yes: results here are `measured`"
    if apart:
        times = "not known" if budget.estimate is None else "`estimated`"
        here += f", so memory is `indicative` here, and times are {times}"
    rows.append(("this machine", here))
    rows += _confidence(budget.confidence)
    rows.append(("time", _time(budget)))
    regression = budget.regression
    rows.append(
        (
            "regression",
            f"more than {regression.rss_pct:g} % of memory, {regression.latency_pct:g} % of a p95,"
            f" {regression.cold_start_pct:g} % of a cold start, {regression.bundle_pct:g} % of the bundle,"
            f" {regression.growth_mb:g} MB of growth or {regression.bpb:g} bits per byte",
        )
    )
    if budget.estimate is None:
        rows.append(("estimate", "none: its times are known on the device alone, and --virtual-pi cannot be used"))
    rows += [("note", note) for note in _notes(budget, facts)]
    return [
        (label if place == 0 or rows[place - 1][0] != label else "", text) for place, (label, text) in enumerate(rows)
    ]


def _device(device: DeviceMatch) -> str:
    parts = []
    if device.models:
        parts.append("a model that begins with " + " or ".join(f"`{model}`" for model in device.models))
    if device.arch is not None:
        parts.append(device.arch)
    if device.isa:
        parts.append("with " + ", ".join(device.isa))
    low, high = device.min_memory_mb, device.max_memory_mb
    if low is not None and high is not None:
        parts.append(f"{low:g} to {high:g} MB of memory")
    elif low is not None or high is not None:
        parts.append(f"at least {low:g} MB of memory" if low is not None else f"at most {high:g} MB of memory")
    if device.governors:
        parts.append("governor " + " or ".join(device.governors))
    return ", ".join(parts) or "any machine"


def _confidence(confidence: Confidence) -> Iterator[tuple[str, str]]:
    """What each look decides."""
    chance = 100 * (1 - confidence.level)
    yield (
        "a p95",
        f"is decided after at most {confidence.looks[-1]} requests; a device exactly at its limit passes, or fails,"
        f" by chance at most {chance:.3g} times in 100",
    )
    for edge in confidence.boundaries():
        passes = "no pass yet" if edge.most_over is None else f"pass with at most {edge.most_over} over the limit"
        fails = "no fail yet" if edge.fewest_over is None else f"fail with {edge.fewest_over} or more"
        yield "a p95", f"after {edge.n} requests: {passes}, {fails}, else go on"


def _time(budget: Budget) -> str:
    confidence = budget.confidence
    ends = []
    for looks, requests in ((1, confidence.looks[0]), (len(confidence.looks), confidence.looks[-1])):
        warm = looks * confidence.processes * confidence.warmup
        everything = requests + warm + confidence.memory_requests + confidence.warmup
        ends.append(everything * budget.limits.latency_p95_ms / 1e3)
    low, high = map(_duration, ends)
    span = low if low == high else f"{low} to {high}"
    return f"about {span} for a model at the latency limit, starting Python aside"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _notes(budget: Budget, facts: DeviceFacts) -> Iterator[str]:
    """What is allowed and may still be a mistake."""
    threads = budget.request.threads
    if threads > facts.cores and not differences(facts, budget.device):
        yield f"the request asks for {threads} threads; this machine has {facts.cores} cores"
    if unknown := [name for name in budget.device.governors if name not in _KNOWN_GOVERNORS]:
        yield f"the Linux kernel has no governor `{unknown[0]}`: times will be void where the governor can be read"
