"""Is the verdict as sure as it says? The check's own rules on synthetic devices whose true p95 is known.

A device here is a distribution of latencies, scaled so that its true p95 stands in a given ratio to the budget's limit.
Its requests go through the same looks, boundaries, drift watch and verdicts as those of a real probe; only the probe
is missing. At a ratio of 1 a device is exactly at its limit, where any verdict is luck: no more than 1 - level of such
devices may pass, and no more may fail. What drifts must be void, not decided.

    outcomes = simulate(budget, kind="heavy tail", ratio=1.0, devices=2000, seed=0)
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from tinylm.budget.judge.validity import judge_validity
from tinylm.budget.judge.verdict import LimitResult, judge_p95, open_quantiles, result_of
from tinylm.budget.spec.budget import QUANTILE, Budget
from tinylm.runtime.measurement.protocol import SCHEMA, ProbeResult

_Z = NormalDist().inv_cdf(QUANTILE)
_WORK_NOISE = 0.02
_SPREAD, _LUCK, _SLOWER = 0.05, 0.03, 0.3


@dataclass(frozen=True)
class _Shape:
    """A distribution of latencies with the p95 at 1, and how the device changes over its run."""

    draw: Callable[[random.Random], float]
    process: Callable[[random.Random], float] = lambda rng: 1.0
    """What all latencies of one process are multiplied by."""
    slowdown: Callable[[float], float] = lambda share: 1.0
    """What the device is multiplied by after this share of all requests that it may be asked."""
    seen_in_work: bool = True
    """Whether the fixed work slows down with the requests."""


def _even(rng: random.Random) -> float:
    return max(0.1, rng.gauss(1, _SPREAD)) / (1 + _SPREAD * _Z)


def _even_with_luck(rng: random.Random, spread: float = _SPREAD) -> float:
    """Scaled so that the p95 over all processes is at 1."""
    return max(0.1, rng.gauss(1, spread)) / (1 + math.hypot(spread, _LUCK) * _Z)


def _rarely_slow(rng: random.Random) -> float:
    """One process in eight is slower by 30 %, and 40 % of its requests lie over the limit, which are 5 % of all."""
    return max(0.1, rng.gauss(1, _SPREAD)) / ((1 + _SLOWER) * (1 + _SPREAD * NormalDist().inv_cdf(0.6)))


def _heavy_tail(rng: random.Random) -> float:
    return float(rng.paretovariate(1.5) * (1 - QUANTILE) ** (1 / 1.5))


def _bimodal(rng: random.Random) -> float:
    """Nine of ten requests are fast; half of the slow ones lie over the limit."""
    return rng.gauss(0.4, 0.02) if rng.random() < 0.9 else rng.gauss(1, 0.05)


KINDS: dict[str, _Shape] = {
    "even": _Shape(_even),
    "heavy tail": _Shape(_heavy_tail),
    "bimodal": _Shape(_bimodal),
    "process luck": _Shape(_even_with_luck, process=lambda rng: max(0.5, rng.gauss(1, _LUCK))),
    "luck alone": _Shape(lambda rng: _even_with_luck(rng, 0.005), process=lambda rng: max(0.5, rng.gauss(1, _LUCK))),
    "rare slow process": _Shape(_rarely_slow, process=lambda rng: 1 + _SLOWER if rng.random() < 0.125 else 1.0),
    "slowing down": _Shape(_even, slowdown=lambda share: 1 + 1.5 * share),
    "throttled midway": _Shape(_even, slowdown=lambda share: 1.0 if share < 0.12 else 1.6),
    "slower, work is not": _Shape(_even, slowdown=lambda share: 1 + 1.5 * share, seen_in_work=False),
}
UNSEEN = ("rare slow process",)
"""What four processes can be without: most checks meet none of them, and nothing in their requests tells."""
DRIFTING = ("slowing down", "throttled midway", "slower, work is not")


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How often each verdict came, of so many devices."""

    devices: int
    passed: int
    failed: int
    undecided: int
    void: int
    requests: float
    """Mean number until the verdict."""


def simulate(budget: Budget, *, kind: str, ratio: float, devices: int, seed: int) -> Outcomes:
    """Check so many devices of this kind, whose true p95 is `ratio` times the limit; a seed repeats."""
    rng = random.Random(f"{seed} {kind} {ratio}")
    counts = {"pass": 0, "fail": 0, "undecided": 0, "void": 0}
    requests = 0
    for _ in range(devices):
        result, spent = _check(budget, KINDS[kind], ratio, rng)
        counts["void" if result.void is not None else result.verdict] += 1
        requests += spent
    return Outcomes(
        devices=devices,
        passed=counts["pass"],
        failed=counts["fail"],
        undecided=counts["undecided"],
        void=counts["void"],
        requests=requests / devices,
    )


def simulated(
    budget: Budget, *, devices: int, seed: int, announce: Callable[[str], None]
) -> list[tuple[str, float, Outcomes]]:
    """Every kind of device at the ratios that are worth looking at: kind, ratio, outcomes."""
    rows = []
    for kind in KINDS:
        for ratio in (0.9, 1.0) if kind in DRIFTING else (0.8, 1.0, 1.25):
            announce(f"{devices} devices, {kind}, p95 at {ratio:g} times the limit")
            rows.append((kind, ratio, simulate(budget, kind=kind, ratio=ratio, devices=devices, seed=seed)))
    return rows


def _check(budget: Budget, shape: _Shape, ratio: float, rng: random.Random) -> tuple[LimitResult, int]:
    """One device, look by look, until nothing is open; the verdict on its latency, and the requests that it took."""
    limit, confidence = budget.limits.latency_p95_ms, budget.confidence
    processes: list[ProbeResult] = []
    done = 0
    for look in confidence.looks:
        for index in range(confidence.processes):
            count = (look - done) // (confidence.processes - index)
            processes.append(_process(shape, ratio * limit, done, count, confidence.looks[-1], rng))
            done += count
        latency, validity = [process.latency_ms for process in processes], judge_validity(processes)
        finding = judge_p95(latency, limit=limit, validity=validity, confidence=confidence)
        result = result_of("latency_p95_ms", limit, "ms", "measured", finding)
        if not open_quantiles([result]):
            break
    return result, done


def _process(shape: _Shape, scale: float, first: int, count: int, most: int, rng: random.Random) -> ProbeResult:
    luck = shape.process(rng)
    slow = [shape.slowdown((first + number) / most) for number in range(count)]
    latency = tuple(scale * luck * now * shape.draw(rng) for now in slow)
    seen = [now if shape.seen_in_work else 1.0 for now in (slow[0], *slow)]
    return ProbeResult(
        schema=SCHEMA,
        first_request=first,
        at_ms=tuple(float(number) for number in range(count)),
        latency_ms=latency,
        ttft_ms=latency,
        itl_ms=latency,
        work_ms=tuple(now * max(0.5, rng.gauss(1, _WORK_NOISE)) for now in seen),
        cold_start_ms=None,
        storage_read_bytes=0,
        stages=(),
        memory=None,
        requests_cpu_ms=sum(latency),
        involuntary_switches=0,
        major_faults=0,
        verification=None,
    )
